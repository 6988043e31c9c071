/** A viewer that is there before its publisher, and its events, with real clients. */
import { afterAll, beforeAll, expect } from 'vitest'
import { startGateway, type Gateway } from '../support/gateway.ts'
import { interopTest as test } from '../support/interop-test.ts'
import { startLibwebrtcPublisher } from '../support/libwebrtc-publisher.ts'
import { startLibwebrtcViewer } from '../support/libwebrtc-viewer.ts'
import { expectDecoding } from '../support/viewers.ts'

let gateway: Gateway
beforeAll(async () => {
  gateway = await startGateway({ args: ['--play-before-publish', 'lobby-*'] })
})
afterAll(() => gateway.stop())

test('sees the stream as soon as its publisher comes, and is told of it', async ({ keep }) => {
  const viewer = await keep(startLibwebrtcViewer({ url: gateway.whepUrl('lobby-1') }))
  const subscribed = await fetch(`${viewer.session.url}/sse`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '["active","inactive"]',
  })
  const events = await fetch(new URL(subscribed.headers.get('Location') ?? '', gateway.httpUrl))

  const publisher = await keep(startLibwebrtcPublisher({ url: gateway.whipUrl('lobby-1') }))
  await expectDecoding(viewer, { frames: 25 })
  await publisher.stop()
  const second = await keep(startLibwebrtcPublisher({ url: gateway.whipUrl('lobby-1') }))
  await expectDecoding(viewer, { frames: viewer.frames() + 25 })
  await second.stop()
  await viewer.stop()
  const live = 'event: active\ndata: {}\n\nevent: inactive\ndata: {}\n\n'
  expect(await events.text()).toBe(live + live)
})
