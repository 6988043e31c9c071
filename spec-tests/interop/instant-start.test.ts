/** Viewers who join between two keyframes of a publisher that sends none on request: pictures at once, live, in step with the sound. */
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { startChromium, type ChromiumHarness, type ShownPicture } from '../support/chromium.ts'
import { startGateway, type Gateway } from '../support/gateway.ts'
import { interopTest as test } from '../support/interop-test.ts'
import { startLibdatachannelPublisher } from '../support/libdatachannel-publisher.ts'
import { startLibdatachannelViewer } from '../support/libdatachannel-viewer.ts'
import { startLibwebrtcViewer } from '../support/libwebrtc-viewer.ts'
import { expectPackets } from '../support/viewers.ts'
import { waitFor } from '../support/wait.ts'

/** Of the samples. */
const pictures = 120
/** The viewer joins when the keyframe is so many pictures old: it would have to wait for 2 s. */
const joinAtPicture = 60
/** The aim on an idle machine is 200 ms; a browser that shares two cores with other tests takes longer. */
const maxFirstPictureMs = 1_000
/** One picture's time, and what two busy pages differ by. */
const maxBehindMs = 34 + 50
/** What people notice of sound that is early or late, and what a busy browser's estimate errs by. */
const maxAudioDistanceMs = 45 + 40

/**
 * Players that share two cores with other tests are late now and then; a gateway that made them late would do so every time. How fast it is,
 * bench/first-frame tells.
 */
const onABusyMachine = { retry: 3 }

describe('instant start', () => {
  let gateway: Gateway
  let chromium: ChromiumHarness

  beforeAll(async () => {
    ;[gateway, chromium] = await Promise.all([
      startGateway({ args: ['--instant-start', 'on'] }),
      startChromium(),
    ])
  })
  afterAll(async () => {
    await chromium.stop()
    await gateway.stop()
  })

  const publish = (stream: string, numbered: 'H264' | 'VP8') =>
    startLibdatachannelPublisher({ url: gateway.whipUrl(stream), numbered })

  const untilMidGroup = (framesSent: () => number) =>
    waitFor('the middle of a group', () => Math.abs((framesSent() % pictures) - joinAtPicture) < 3, {
      intervalMs: 5,
    })

  test(
    'shows H.264 in Chromium at once, live, and in step with the sound',
    onABusyMachine,
    async ({ keep }) => {
      const publisher = await keep(publish('instant-h264', 'H264'))
      const url = gateway.whepUrl('instant-h264')
      const early = await keep(chromium.play(url, { watchNumbers: true }))
      await untilMidGroup(publisher.framesSent)
      const late = await keep(chromium.play(url, { watchNumbers: true }))
      const shown = await waitFor('3 s of pictures', async () => {
        const its = await late.shownPictures()
        return (its.pictures.at(-1)?.shownMs ?? 0) > its.postMs + 3_500 && its
      })
      const [first] = shown.pictures
      expect((first?.shownMs ?? Infinity) - shown.postMs).toBeLessThan(maxFirstPictureMs)
      // The track that the pictures are read from may miss the very first ones.
      expect(first?.number).toBeLessThan(joinAtPicture)
      const reference = (await early.shownPictures()).pictures
      expect(behindMs(shown.pictures.slice(-30), reference)).toBeLessThan(maxBehindMs)
      const statistics = await late.statistics()
      expect(statistics).toMatchObject({ packetsLost: 0, audioPacketsLost: 0, freezeCount: 0, nackCount: 0 })
      expect(Math.abs(statistics.audioAheadMs)).toBeLessThan(maxAudioDistanceMs)
    },
  )

  test('shows VP8 in libwebrtc at once and live', onABusyMachine, async ({ keep }) => {
    const publisher = await keep(publish('instant-vp8', 'VP8'))
    const url = gateway.whepUrl('instant-vp8')
    const early = await keep(startLibwebrtcViewer({ url }))
    await untilMidGroup(publisher.framesSent)
    const late = await keep(startLibwebrtcViewer({ url }))
    const shown = await waitFor('3 s of pictures', () => {
      const its = late.shownPictures()
      return (its.pictures.at(-1)?.shownMs ?? 0) > its.postMs + 3_500 && its
    })
    expect((shown.pictures[0]?.shownMs ?? Infinity) - shown.postMs).toBeLessThan(maxFirstPictureMs)
    const reference = early.shownPictures().pictures
    expect(behindMs(shown.pictures.slice(-30), reference)).toBeLessThan(maxBehindMs)
  })

  test('leaves no gap between what is sent at once and what is live', async ({ keep }) => {
    const publisher = await keep(publish('instant-packets', 'H264'))
    await untilMidGroup(publisher.framesSent)
    const url = gateway.whepUrl('instant-packets')
    const viewer = await keep(startLibdatachannelViewer({ url, codec: 'H264' }))
    await waitFor('a keyframe', () => viewer.video.keyframes > 0, { timeoutMs: 1_500, intervalMs: 10 })
    await expectPackets(viewer, { frames: 150 })
  })
})

/** How much later than to the other the same pictures are shown to one viewer, in ms: the median. */
function behindMs(shown: readonly ShownPicture[], reference: readonly ShownPicture[]): number {
  const differences = shown.flatMap(({ number, shownMs }) => {
    const same = reference.find(
      (other) => other.number === number && Math.abs(other.shownMs - shownMs) < 2_000,
    )
    return same === undefined ? [] : [shownMs - same.shownMs]
  })
  return differences.toSorted((a, b) => a - b)[differences.length >> 1] ?? Infinity
}
