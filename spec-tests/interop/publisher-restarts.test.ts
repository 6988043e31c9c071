/** OBS's way of restarting (DELETE, a new POST, new SSRCs), again and again under viewers who are to notice as little as can be. */
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { startChromium, type ChromiumHarness } from '../support/chromium.ts'
import { startGateway, type Gateway } from '../support/gateway.ts'
import { interopTest as test } from '../support/interop-test.ts'
import { startLibdatachannelPublisher } from '../support/libdatachannel-publisher.ts'
import { startLibdatachannelViewer } from '../support/libdatachannel-viewer.ts'
import { waitFor } from '../support/wait.ts'

const restarts = 20
/** Pictures that each publisher sends at least: a second of them. */
const picturesEach = 30
/** What viewers may notice beyond the publisher's own gap. */
const maxExtraGapMs = 300

describe('a publisher that restarts 20 times', () => {
  let gateway: Gateway
  let chromium: ChromiumHarness

  beforeAll(async () => {
    ;[gateway, chromium] = await Promise.all([startGateway(), startChromium()])
  })
  afterAll(async () => {
    await chromium.stop()
    await gateway.stop()
  })

  test('ends no viewer, and freezes none for much longer than it sends nothing', async ({ keep }) => {
    const whipUrl = gateway.whipUrl('restarts')
    const whepUrl = gateway.whepUrl('restarts')
    const start = () => keep(startLibdatachannelPublisher({ url: whipUrl, numbered: 'H264' }))
    let publisher = await start()
    const [page, packets] = await Promise.all([
      keep(chromium.play(whepUrl, { watchNumbers: true })),
      keep(startLibdatachannelViewer({ url: whepUrl, codec: 'H264' })),
    ])
    await waitFor('pictures', async () => (await page.shownPictures()).pictures.length > picturesEach)

    const freezes: { publisherMs: number; viewerMs: number }[] = []
    for (let restart = 0; restart < restarts; restart++) {
      const seen = (await page.shownPictures()).pictures.length
      const { last } = publisher.sentMs()
      await publisher.stop()
      const lastMs = Math.max(last, publisher.sentMs().last)
      publisher = await start()
      await waitFor('a second of pictures', () => publisher.framesSent() >= picturesEach)
      const shown = await waitFor('the pictures to be shown', async () => {
        const { pictures } = await page.shownPictures()
        return (
          pictures.length >= seen + picturesEach && pictures.at(-1)!.number >= picturesEach / 2 && pictures
        )
      })
      let viewerMs = 0
      for (let i = Math.max(1, seen); i < shown.length; i++) {
        viewerMs = Math.max(viewerMs, shown[i]!.shownMs - shown[i - 1]!.shownMs)
      }
      freezes.push({ publisherMs: publisher.sentMs().first - lastMs, viewerMs })
    }
    const extra = freezes.map(({ publisherMs, viewerMs }) => viewerMs - publisherMs)
    expect(Math.max(...extra), JSON.stringify(freezes)).toBeLessThan(maxExtraGapMs)

    expect(await page.statistics()).toMatchObject({ connectionState: 'connected', packetsLost: 0 })
    expect(packets.states).not.toContain('disconnected')
    expect(packets.byes()).toBe(0)
    expect(packets.video).toMatchObject({ lost: 0, duplicates: 0, timestampRegressions: 0 })
    expect(packets.video.ssrcs.size).toBe(1)
    expect(packets.audio).toMatchObject({ lost: 0, duplicates: 0, timestampRegressions: 0 })
  }, 120_000)
})
