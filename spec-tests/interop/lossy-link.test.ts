/** A link that loses and reorders 5 % of the media, repaired by NACK and RTX (RFC 4585, RFC 4588) on either side of the gateway. */
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { startChromium, type ChromiumHarness } from '../support/chromium.ts'
import { startGateway, type Gateway } from '../support/gateway.ts'
import { interopTest as test } from '../support/interop-test.ts'
import { startLibdatachannelPublisher } from '../support/libdatachannel-publisher.ts'
import { startLibdatachannelViewer } from '../support/libdatachannel-viewer.ts'
import { readNumber } from '../support/libwebrtc-viewer.ts'
import { startLibwebrtcPublisher } from '../support/libwebrtc-publisher.ts'
import type { ReceivedTrack } from '../support/rtp-track.ts'
import type { Impairment } from '../support/udp-impairment.ts'
import { perfectLink } from '../support/udp-impairment.ts'
import { startUdpRelay } from '../support/udp-relay.ts'
import { expectSmoothPictures } from '../support/viewers.ts'
import { waitFor } from '../support/wait.ts'

/** The handshake is spared: DTLS repeats a lost flight only after a second, which is its own matter. */
const badLink: Impairment = {
  lossRate: 0.05,
  reorderRate: 0.05,
  duplicateRate: 0.01,
  delayMs: 5,
  mediaOnly: true,
}
/** Far enough back for every repair to have been tried. */
const settledPackets = 1_000

describe('a link with 5 % loss and reordering', () => {
  let gateway: Gateway
  let chromium: ChromiumHarness

  beforeAll(async () => {
    ;[gateway, chromium] = await Promise.all([startGateway(), startChromium()])
  })
  afterAll(async () => {
    await chromium.stop()
    await gateway.stop()
  })

  test('from a publisher that answers NACK on the same SSRC is repaired before it reaches the viewers', async ({
    keep,
  }) => {
    const relay = await keep(startUdpRelay({ seed: 1, toGateway: badLink }))
    await keep(
      startLibdatachannelPublisher({ url: gateway.whipUrl('from-h264'), editAnswer: relay.rewriteAnswer }),
    )
    const packets = await keep(
      startLibdatachannelViewer({ url: gateway.whepUrl('from-h264'), codec: 'H264' }),
    )
    const page = await keep(chromium.play(gateway.whepUrl('from-h264')))
    await waitFor(
      '300 pictures',
      () => packets.video.markers >= 300,
      { timeoutMs: 20_000 },
      () => packets.video,
    )
    await expectSmoothPictures(page, 100, 20_000)

    expect(relay.toGateway.lost).toBeGreaterThan(20)
    expect(relay.toGateway.reordered).toBeGreaterThan(20)
    // This viewer asks for nothing again: what it has, the gateway got repaired.
    await expectRepaired(packets.video, () => relay.impair({ toGateway: perfectLink }))
  })

  test('from a publisher that answers NACK by RTX is repaired before it reaches the viewers', async ({
    keep,
  }) => {
    const relay = await keep(startUdpRelay({ seed: 2, toGateway: badLink }))
    const publisher = await keep(
      startLibwebrtcPublisher({
        url: gateway.whipUrl('from-vp8'),
        editAnswer: relay.rewriteAnswer,
        width: 640,
        height: 360,
      }),
    )
    const packets = await keep(startLibdatachannelViewer({ url: gateway.whepUrl('from-vp8'), codec: 'VP8' }))
    await waitFor(
      '200 pictures',
      () => packets.video.markers >= 200,
      { timeoutMs: 20_000 },
      () => packets.video,
    )

    expect(relay.toGateway.lost).toBeGreaterThan(15)
    const report = await publisher.statistics()
    expect(readNumber(report, 'outbound-rtp', 'video', 'nackCount')).toBeGreaterThan(0)
    expect(readNumber(report, 'outbound-rtp', 'video', 'retransmittedPacketsSent')).toBeGreaterThan(0)
    await expectRepaired(packets.video, () => relay.impair({ toGateway: perfectLink }))
  })

  test('to a viewer is repaired by plain retransmission, and by RTX where it was negotiated', async ({
    keep,
  }) => {
    const url = gateway.whepUrl('to-viewers')
    await keep(startLibdatachannelPublisher({ url: gateway.whipUrl('to-viewers') }))
    const relays = await Promise.all(
      [3, 4, 5].map((seed) => keep(startUdpRelay({ seed, toClient: badLink }))),
    )
    const [plainRelay, rtxRelay, pageRelay] = relays as [Relay, Relay, Relay]
    const [plain, rtx, page] = await Promise.all([
      keep(
        startLibdatachannelViewer({ url, codec: 'H264', nack: true, editAnswer: plainRelay.rewriteAnswer }),
      ),
      keep(
        startLibdatachannelViewer({
          url,
          codec: 'H264',
          nack: true,
          rtx: true,
          editAnswer: rtxRelay.rewriteAnswer,
        }),
      ),
      keep(chromium.play(url, { editAnswer: pageRelay.rewriteAnswer })),
    ])
    await Promise.all([
      waitFor(
        '300 pictures',
        () => plain.video.markers >= 300,
        { timeoutMs: 20_000 },
        () => plain.video,
      ),
      waitFor(
        '300 pictures',
        () => rtx.video.markers >= 300,
        { timeoutMs: 20_000 },
        () => rtx.video,
      ),
    ])
    const played = await expectSmoothPictures(page, 100, 20_000)
    for (const relay of relays) expect(relay.toClient.lost).toBeGreaterThan(20)

    expect(plain.video.retransmissions).toBe(0)
    expect(rtx.video.retransmissions).toBeGreaterThan(10)
    await Promise.all([
      expectRepaired(plain.video, () => plainRelay.impair({ toClient: perfectLink })),
      expectRepaired(rtx.video, () => rtxRelay.impair({ toClient: perfectLink })),
    ])
    expect(played.nackCount).toBeGreaterThan(0)
    expect(played.retransmittedPacketsReceived).toBeGreaterThan(10)
  })

  test('that goes dark for a moment lets the viewer go on afterwards', async ({ keep }) => {
    const relay = await keep(startUdpRelay({ seed: 6 }))
    await keep(startLibdatachannelPublisher({ url: gateway.whipUrl('dark') }))
    const page = await keep(chromium.play(gateway.whepUrl('dark'), { editAnswer: relay.rewriteAnswer }))
    const decoded = async () => (await page.statistics()).framesDecoded
    await waitFor('first pictures', async () => (await decoded()) > 30)
    relay.setDark(true)
    await waitFor('50 datagrams to be swallowed', () => relay.toClient.blackedOut >= 50)
    const before = await decoded()
    relay.setDark(false)
    await waitFor('pictures after the gap', async () => (await decoded()) > before + 60)
    expect((await page.statistics()).connectionState).toBe('connected')
  })
})

type Relay = Awaited<ReturnType<typeof startUdpRelay>>

/** Once the link is good again every gap closes, but for those too old to be asked for. */
async function expectRepaired(track: ReceivedTrack, makePerfect: () => void): Promise<void> {
  makePerfect()
  const goal = track.markers + 30
  await waitFor(
    'a second on the good link',
    () => track.markers >= goal,
    {},
    () => track,
  )
  expect(track.missing(settledPackets).length, 'packets never repaired').toBeLessThanOrEqual(
    settledPackets / 500,
  )
  expect(track.lost).toBeLessThanOrEqual(track.packets / 500)
}
