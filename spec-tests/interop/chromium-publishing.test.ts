/** A real browser publishes: H.264 and VP8, to viewers of every kind, and its encoder ramps up. */
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { startChromium, type ChromiumHarness } from '../support/chromium.ts'
import { startGateway, type Gateway } from '../support/gateway.ts'
import { interopTest as test } from '../support/interop-test.ts'
import { startLibdatachannelViewer } from '../support/libdatachannel-viewer.ts'
import { startLibwebrtcViewer } from '../support/libwebrtc-viewer.ts'
import { expectDecoding, expectPackets, expectPlaying } from '../support/viewers.ts'
import { waitFor } from '../support/wait.ts'

/** Where Chromium's bandwidth estimate starts, in bit/s. */
const startBitrate = 300_000

describe('Chromium publishing', () => {
  let gateway: Gateway
  let chromium: ChromiumHarness

  beforeAll(async () => {
    ;[gateway, chromium] = await Promise.all([startGateway(), startChromium()])
  })
  afterAll(async () => {
    await chromium.stop()
    await gateway.stop()
  })

  test('H.264 is watched by libdatachannel and Chromium', async ({ keep }) => {
    const whepUrl = gateway.whepUrl('browser-h264')
    const options = { codec: 'H264', width: 320, height: 240 } as const
    const publisher = await keep(chromium.publish(gateway.whipUrl('browser-h264'), options))
    const [plain, repairing, firstPage, secondPage] = await Promise.all([
      keep(startLibdatachannelViewer({ url: whepUrl, codec: 'H264' })),
      keep(startLibdatachannelViewer({ url: whepUrl, codec: 'H264', rtx: true, nack: true })),
      keep(chromium.play(whepUrl)),
      keep(chromium.play(whepUrl)),
    ])
    const [, , played] = await Promise.all([
      expectPackets(plain, { frames: 75 }),
      expectPackets(repairing, { frames: 75 }),
      expectPlaying(firstPage, { frames: 75, frameSize: '320x240' }),
      expectPlaying(secondPage, { frames: 75, frameSize: '320x240' }),
    ])
    expect(played.codec).toBe('video/H264')
    expect(await publisher.stop()).toBe(200)
  })

  test('VP8 is watched by libdatachannel, libwebrtc and Chromium', async ({ keep }) => {
    const whepUrl = gateway.whepUrl('browser-vp8')
    const options = { codec: 'VP8', width: 320, height: 240 } as const
    const publisher = await keep(chromium.publish(gateway.whipUrl('browser-vp8'), options))
    const [plain, repairing, firstDecoder, secondDecoder, firstPage, secondPage] = await Promise.all([
      keep(startLibdatachannelViewer({ url: whepUrl, codec: 'VP8' })),
      keep(startLibdatachannelViewer({ url: whepUrl, codec: 'VP8', rtx: true, nack: true })),
      keep(startLibwebrtcViewer({ url: whepUrl })),
      keep(startLibwebrtcViewer({ url: whepUrl })),
      keep(chromium.play(whepUrl)),
      keep(chromium.play(whepUrl)),
    ])
    await Promise.all([
      expectPackets(plain, { frames: 75 }),
      expectPackets(repairing, { frames: 75 }),
      expectDecoding(firstDecoder, { frames: 75, frameSize: '320x240' }),
      expectDecoding(secondDecoder, { frames: 75, frameSize: '320x240' }),
      expectPlaying(firstPage, { frames: 75, frameSize: '320x240' }),
      expectPlaying(secondPage, { frames: 75, frameSize: '320x240' }),
    ])
    expect(await publisher.stop()).toBe(200)
  })

  test.for([
    { what: 'VP9', codec: 'VP9', rids: [] },
    { what: 'AV1', codec: 'AV1', rids: [] },
    { what: 'VP8 in three simulcast layers', codec: 'VP8', rids: ['f', 'h', 'q'] },
    { what: 'H.264 in two simulcast layers', codec: 'H264', rids: ['f', 'h'] },
  ] as const)('$what is watched by Chromium', async ({ what, codec, rids }, { keep }) => {
    const stream = what.replaceAll(/[^A-Za-z0-9]+/g, '-')
    await keep(chromium.publish(gateway.whipUrl(stream), { codec, rids, width: 640, height: 360 }))
    const page = await keep(chromium.play(gateway.whepUrl(stream)))
    const played = await expectPlaying(page, { frames: 50 })
    expect(played.codec).toBe(`video/${codec}`)
  })

  test('sends far more than its first 300 kbit/s once transport-wide feedback has told it of the link', async ({
    keep,
  }) => {
    const options = { codec: 'VP8', width: 640, height: 360, frameRate: 20, noise: true } as const
    const publisher = await keep(chromium.publish(gateway.whipUrl('ramp'), options))
    await keep(chromium.play(gateway.whepUrl('ramp')))
    const reached = await waitFor(
      'a target above 1 Mbit/s, and bytes that show it',
      async () => {
        const current = await publisher.statistics()
        return current.targetBitrate > 1_000_000 && current.bytesSent > 500_000 && current
      },
      { timeoutMs: 20_000, intervalMs: 250 },
      () => publisher.statistics(),
    )
    expect(reached.targetBitrate).toBeGreaterThan(3 * startBitrate)
    expect(reached.roundTripTime).toBeGreaterThan(0) // receiver reports come back
  })
})
