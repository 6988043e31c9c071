/** How sessions end, seen by the clients, and what a stream's viewers get while its publisher goes and comes. */
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { openSession, type ClientSession } from '../../src/signalling/session-client.ts'
import { startChromium, type ChromiumHarness } from '../support/chromium.ts'
import { startGateway, type Gateway } from '../support/gateway.ts'
import { interopTest as test } from '../support/interop-test.ts'
import { startLibdatachannelPublisher } from '../support/libdatachannel-publisher.ts'
import { startLibdatachannelViewer, type LibdatachannelViewer } from '../support/libdatachannel-viewer.ts'
import { startLibwebrtcPublisher } from '../support/libwebrtc-publisher.ts'
import { startLibwebrtcViewer } from '../support/libwebrtc-viewer.ts'
import { startUdpRelay } from '../support/udp-relay.ts'
import { waitFor } from '../support/wait.ts'

/** libdatachannel renews consent each 4 to 6 s, so it may be silent for longer than that. */
const consentTimeoutMs = 8_000

describe('the life of a session', () => {
  let gateway: Gateway
  let chromium: ChromiumHarness

  beforeAll(async () => {
    const args = ['--consent-timeout', `${consentTimeoutMs}ms`]
    ;[gateway, chromium] = await Promise.all([startGateway({ args }), startChromium()])
  })
  afterAll(async () => {
    await chromium.stop()
    await gateway.stop()
  })

  /** The gateway's own word for why a session ended, once it has and its URL is forgotten. */
  const endReason = async (session: ClientSession, timeoutMs = 10_000) => {
    const id = session.url.split('/').at(-1)
    const isEnd = (line: Readonly<Record<string, unknown>>) =>
      line['event'] === 'session-ended' && line['session'] === id
    const end = await waitFor('the session to end', () => gateway.log().find(isEnd), { timeoutMs })
    expect((await fetch(session.url)).status).toBe(404)
    return end['reason']
  }

  test("a viewer's DELETE ends its connection by BYE and close_notify, and nobody else's", async ({
    keep,
  }) => {
    const url = gateway.whepUrl('viewer-delete')
    await keep(startLibdatachannelPublisher({ url: gateway.whipUrl('viewer-delete') }))
    const [leaving, staying, page] = await Promise.all([
      keep(startLibdatachannelViewer({ url, codec: 'H264' })),
      keep(startLibdatachannelViewer({ url, codec: 'H264' })),
      keep(chromium.play(url)),
    ])
    await Promise.all([expectFrames(leaving, 10), expectFrames(staying, 10)])
    await leaving.session.end()
    await waitFor(
      'BYE and close_notify',
      () => leaving.byes() > 0 && isClosed(leaving),
      {},
      () => leaving.states,
    )
    await expectFrames(staying, staying.video.markers + 30)
    expect(staying.video.lost).toBe(0)
    const { dtlsState } = await page.statistics()
    expect(dtlsState).toBe('connected')
  })

  test('DELETE answers 200 once and 404 from then on', async ({ keep }) => {
    const publisher = await keep(startLibdatachannelPublisher({ url: gateway.whipUrl('twice') }))
    const remove = async () => (await fetch(publisher.session.url, { method: 'DELETE' })).status
    expect([await remove(), await remove()]).toEqual([200, 404])
    await waitFor(
      'close_notify',
      () => publisher.states.includes('closed'),
      {},
      () => publisher.states,
    )
  })

  test('a player in Chromium sees its connection closed when its session is deleted', async ({ keep }) => {
    await keep(startLibdatachannelPublisher({ url: gateway.whipUrl('page-delete') }))
    const page = await keep(chromium.play(gateway.whepUrl('page-delete')))
    await waitFor('pictures', async () => (await page.statistics()).framesDecoded > 10)
    expect(await page.remove()).toBe(200)
    await waitFor('close_notify', async () => (await page.statistics()).dtlsState === 'closed')
  })

  test('a publisher that comes back is continued: same SSRC, sequence and time, from a keyframe', async ({
    keep,
  }) => {
    const whipUrl = gateway.whipUrl('comeback')
    const viewers: LibdatachannelViewer[] = []
    const first = await keep(startLibdatachannelPublisher({ url: whipUrl }))
    for (let count = 0; count < 2; count++) {
      viewers.push(await keep(startLibdatachannelViewer({ url: gateway.whepUrl('comeback'), codec: 'H264' })))
    }
    const page = await keep(chromium.play(gateway.whepUrl('comeback')))
    const decoded = async () => (await page.statistics()).framesDecoded
    await Promise.all(viewers.map((viewer) => expectFrames(viewer, 45)))
    await waitFor('pictures in Chromium', async () => (await decoded()) > 30)

    await first.stop()
    const before = viewers.map(({ video }) => ({ pictures: video.markers, keyframes: video.keyframes }))
    const decodedBefore = await decoded()
    await keep(startLibdatachannelPublisher({ url: whipUrl }))
    for (const [index, viewer] of viewers.entries()) {
      const { pictures, keyframes } = before[index] ?? { pictures: 0, keyframes: 0 }
      await expectFrames(viewer, pictures + 90)
      expect(viewer.video.keyframes).toBeGreaterThan(keyframes)
      expect(viewer.video).toMatchObject({ lost: 0, timestampRegressions: 0 })
      expect(viewer.audio).toMatchObject({ lost: 0, timestampRegressions: 0 })
      expect(viewer.video.ssrcs.size).toBe(1)
      expect(isClosed(viewer)).toBe(false)
    }
    await waitFor(
      'pictures of the new publisher in Chromium',
      async () => (await decoded()) > decodedBefore + 60,
    )
  })

  test('close_notify from a publisher frees its stream for the next one', async ({ keep }) => {
    const url = gateway.whipUrl('hang-up')
    const publisher = await keep(startLibwebrtcPublisher({ url }))
    const offer = publisher.connection.localDescription?.sdp ?? ''
    await expect(openSession({ url, offer })).rejects.toMatchObject({
      status: 409,
      code: 'already-published',
    })
    publisher.close()
    expect(await endReason(publisher.session)).toBe('closed-by-peer')
    const next = await openSession({ url, offer })
    await next.end()
  })

  test('close_notify from a viewer ends its session and nothing else', async ({ keep }) => {
    const publisher = await keep(startLibwebrtcPublisher({ url: gateway.whipUrl('viewer-hang-up') }))
    const viewer = await keep(startLibwebrtcViewer({ url: gateway.whepUrl('viewer-hang-up') }))
    viewer.close()
    expect(await endReason(viewer.session)).toBe('closed-by-peer')
    expect((await fetch(publisher.session.url)).ok).toBe(true)
  })

  test('a viewer that falls silent loses its session when consent expires (RFC 7675)', async ({ keep }) => {
    const relay = await keep(startUdpRelay({ seed: 1 }))
    await keep(startLibdatachannelPublisher({ url: gateway.whipUrl('silent') }))
    const viewer = await keep(
      startLibdatachannelViewer({
        url: gateway.whepUrl('silent'),
        codec: 'H264',
        editAnswer: relay.rewriteAnswer,
      }),
    )
    await expectFrames(viewer, 5)
    relay.setDark(true)
    expect(await endReason(viewer.session, consentTimeoutMs + 5_000)).toBe('consent-expired')
  })

  test.for(['native', 'portable'])(
    'SIGTERM says goodbye to everyone and exits with 0 (%s sender)',
    async (sender, { keep }) => {
      const own = await startGateway({ args: ['--udp-sender', sender] })
      const publisher = await keep(startLibdatachannelPublisher({ url: own.whipUrl('end') }))
      const viewer = await keep(startLibdatachannelViewer({ url: own.whepUrl('end'), codec: 'H264' }))
      await expectFrames(viewer, 5)
      const exitCode = await own.stop()
      expect(exitCode).toBe(0)
      await waitFor(
        'BYE and close_notify',
        () => viewer.byes() > 0 && isClosed(viewer),
        {},
        () => viewer.states,
      )
      await waitFor(
        'close_notify',
        () => publisher.states.includes('closed'),
        {},
        () => publisher.states,
      )
    },
  )
})

async function expectFrames(viewer: LibdatachannelViewer, markers: number): Promise<void> {
  await waitFor(
    `${markers} pictures`,
    () => viewer.video.markers >= markers,
    {},
    () => viewer.video,
  )
}

function isClosed(viewer: LibdatachannelViewer): boolean {
  return viewer.states.includes('closed')
}
