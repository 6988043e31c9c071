/** The moving test picture that a newcomer without OBS sees: through the real WHIP endpoint, to a real viewer. */
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { startDemoPublisher } from '../../src/client/demo-publisher.ts'
import { startGateway, type Gateway } from '../support/gateway.ts'
import { interopTest as test } from '../support/interop-test.ts'
import { startLibwebrtcViewer } from '../support/libwebrtc-viewer.ts'
import { expectDecoding } from '../support/viewers.ts'
import { waitFor } from '../support/wait.ts'

describe('the demo publisher', () => {
  let gateway: Gateway

  beforeAll(async () => {
    gateway = await startGateway({ args: ['--publish-token', 'right'] })
  })
  afterAll(() => gateway.stop())

  test('shows a picture of 640 x 360 and a tone, until it is stopped', async ({ keep }) => {
    const demo = await keep(startDemoPublisher({ whipUrl: gateway.whipUrl('demo'), token: 'right' }))
    const viewer = await keep(startLibwebrtcViewer({ url: gateway.whepUrl('demo') }))
    await expectDecoding(viewer, { frames: 50, frameSize: '640x360' })
    await Promise.all([demo.stop(), demo.stop()])
    await expectEnded('demo')
  })

  test('stops when its signal is aborted', async ({ keep }) => {
    const controller = new AbortController()
    const options = { whipUrl: gateway.whipUrl('abort'), token: 'right', signal: controller.signal }
    await keep(startDemoPublisher(options))
    controller.abort()
    await expectEnded('abort')
  })

  test('says why it was refused', async () => {
    const starting = startDemoPublisher({ whipUrl: gateway.whipUrl('demo'), token: 'wrong' })
    await expect(starting).rejects.toMatchObject({ status: 401, code: 'unauthorized' })
  })

  async function expectEnded(stream: string): Promise<void> {
    const end = await waitFor('the session to end', () =>
      gateway.log().find((line) => line['event'] === 'session-ended' && line['stream'] === stream),
    )
    expect(end['reason']).toBe('deleted')
  }
})
