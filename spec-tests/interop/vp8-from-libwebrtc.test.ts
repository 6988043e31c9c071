/** VP8 and Opus from libwebrtc (`@roamhq/wrtc`) to several viewers at once. */
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { startChromium, type ChromiumHarness } from '../support/chromium.ts'
import { startGateway, type Gateway } from '../support/gateway.ts'
import { interopTest as test } from '../support/interop-test.ts'
import { startLibdatachannelViewer } from '../support/libdatachannel-viewer.ts'
import { startLibwebrtcPublisher } from '../support/libwebrtc-publisher.ts'
import { startLibwebrtcViewer } from '../support/libwebrtc-viewer.ts'
import { expectDecoding, expectPackets, expectPlaying } from '../support/viewers.ts'

describe('VP8 and Opus published by libwebrtc', () => {
  let gateway: Gateway
  let chromium: ChromiumHarness

  beforeAll(async () => {
    ;[gateway, chromium] = await Promise.all([startGateway(), startChromium()])
  })
  afterAll(async () => {
    await chromium.stop()
    await gateway.stop()
  })

  test('is watched by libdatachannel, libwebrtc and Chromium at the same time, with nothing lost', async ({
    keep,
  }) => {
    const whepUrl = gateway.whepUrl('vp8')
    const publisher = await keep(
      startLibwebrtcPublisher({ url: gateway.whipUrl('vp8'), width: 320, height: 240 }),
    )
    const [plain, repairing, firstDecoder, secondDecoder, firstPage, secondPage] = await Promise.all([
      keep(startLibdatachannelViewer({ url: whepUrl, codec: 'VP8' })),
      keep(startLibdatachannelViewer({ url: whepUrl, codec: 'VP8', rtx: true, nack: true })),
      keep(startLibwebrtcViewer({ url: whepUrl })),
      keep(startLibwebrtcViewer({ url: whepUrl })),
      keep(chromium.play(whepUrl)),
      keep(chromium.play(whepUrl)),
    ])
    await Promise.all([
      expectPackets(plain, { frames: 100 }),
      expectPackets(repairing, { frames: 100 }),
      expectDecoding(firstDecoder, { frames: 75, frameSize: '320x240' }),
      expectDecoding(secondDecoder, { frames: 75, frameSize: '320x240' }),
      expectPlaying(firstPage, { frames: 75, frameSize: '320x240' }),
      expectPlaying(secondPage, { frames: 75, frameSize: '320x240' }),
    ])
    await firstDecoder.stop()
    await publisher.stop()
    expect(gateway.stderr()).toBe('')
  })
})
