/** H.264 and Opus from libdatachannel, the library inside OBS, to several viewers at once. */
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { startChromium, type ChromiumHarness } from '../support/chromium.ts'
import { startGateway, type Gateway } from '../support/gateway.ts'
import { interopTest as test } from '../support/interop-test.ts'
import { startLibdatachannelPublisher } from '../support/libdatachannel-publisher.ts'
import { startLibdatachannelViewer } from '../support/libdatachannel-viewer.ts'
import { startLibwebrtcViewer } from '../support/libwebrtc-viewer.ts'
import { h264Sample } from '../support/samples.ts'
import { expectPackets, expectPlaying } from '../support/viewers.ts'

const frameSize = `${h264Sample.width}x${h264Sample.height}`

describe('H.264 and Opus published by libdatachannel', () => {
  let gateway: Gateway
  let chromium: ChromiumHarness

  beforeAll(async () => {
    ;[gateway, chromium] = await Promise.all([startGateway(), startChromium()])
  })
  afterAll(async () => {
    await chromium.stop()
    await gateway.stop()
  })

  test('is watched by libdatachannel and Chromium at the same time, with nothing lost', async ({ keep }) => {
    const whepUrl = gateway.whepUrl('h264')
    const publisher = await keep(startLibdatachannelPublisher({ url: gateway.whipUrl('h264') }))
    const [plain, repairing, firstPage, secondPage] = await Promise.all([
      keep(startLibdatachannelViewer({ url: whepUrl, codec: 'H264' })),
      keep(startLibdatachannelViewer({ url: whepUrl, codec: 'H264', rtx: true, nack: true })),
      keep(chromium.play(whepUrl)),
      keep(chromium.play(whepUrl)),
    ])
    await Promise.all([
      expectPackets(plain, { frames: 120 }),
      expectPackets(repairing, { frames: 120 }),
      expectPlaying(firstPage, { frames: 100, frameSize }),
      expectPlaying(secondPage, { frames: 100, frameSize }),
    ])
    expect(await firstPage.stop()).toBe(200)
    await publisher.stop()
  })

  test('is refused to a viewer that has no H.264, naming the codec', async ({ keep }) => {
    await keep(startLibdatachannelPublisher({ url: gateway.whipUrl('h264-only') }))
    const refusal = startLibwebrtcViewer({ url: gateway.whepUrl('h264-only') })
    await expect(refusal).rejects.toMatchObject({ status: 422, code: 'codec-mismatch' })
    await expect(refusal).rejects.toThrow(/H264/)
  })
})
