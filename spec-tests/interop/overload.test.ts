/** The limit of what is sent, with real media. */
import { afterAll, beforeAll, expect } from 'vitest'
import { startGateway, type Gateway } from '../support/gateway.ts'
import { interopTest as test } from '../support/interop-test.ts'
import { startLibdatachannelPublisher } from '../support/libdatachannel-publisher.ts'
import { startLibdatachannelViewer } from '../support/libdatachannel-viewer.ts'
import { waitFor } from '../support/wait.ts'

let gateway: Gateway
beforeAll(async () => {
  gateway = await startGateway({ args: ['--max-send-bitrate', '10k'] })
})
afterAll(() => gateway.stop())

test('lets in a first viewer, and no second one once the first is sent media', async ({ keep }) => {
  await keep(startLibdatachannelPublisher({ url: gateway.whipUrl('busy') }))
  const url = gateway.whepUrl('busy')
  const viewer = await keep(startLibdatachannelViewer({ url, codec: 'H264' }))
  await waitFor('pictures', () => viewer.video.markers > 45)
  await expect(keep(startLibdatachannelViewer({ url, codec: 'H264' }))).rejects.toMatchObject({
    status: 503,
    code: 'overloaded',
    retryAfterSeconds: 10,
  })
})
