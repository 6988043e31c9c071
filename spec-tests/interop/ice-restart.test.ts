/** ICE restarts of libwebrtc through PATCH: media keeps flowing, and nothing of it is lost. */
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { startGateway, type Gateway } from '../support/gateway.ts'
import { restartIce } from '../support/ice-restart.ts'
import { interopTest as test } from '../support/interop-test.ts'
import { startLibwebrtcPublisher } from '../support/libwebrtc-publisher.ts'
import { startLibwebrtcViewer } from '../support/libwebrtc-viewer.ts'
import { expectDecoding } from '../support/viewers.ts'
import { waitFor } from '../support/wait.ts'

describe('an ICE restart', () => {
  let gateway: Gateway
  beforeAll(async () => {
    gateway = await startGateway()
  })
  afterAll(() => gateway.stop())

  const restarts = (role: string) =>
    gateway.log().filter((line) => line['event'] === 'ice-restarted' && line['role'] === role).length

  test('of the publisher, then of a viewer, twice each, loses no packet', async ({ keep }) => {
    const publisher = await keep(startLibwebrtcPublisher({ url: gateway.whipUrl('restarted') }))
    const viewer = await keep(startLibwebrtcViewer({ url: gateway.whepUrl('restarted') }))
    await expectDecoding(viewer, { frames: 25 })
    const tags = new Set([publisher.session.entityTag, viewer.session.entityTag])
    for (const round of [1, 2]) {
      for (const [role, client] of [
        ['publisher', publisher],
        ['viewer', viewer],
      ] as const) {
        tags.add((await restartIce(client.connection, client.session)).entityTag)
        await waitFor(`restart ${round} of the ${role}`, () => restarts(role) === round)
        await expectDecoding(viewer, { frames: viewer.frames() + 50 })
      }
    }
    expect(tags.size).toBe(6)
    expect(publisher.connection.connectionState).toBe('connected')
    expect(viewer.connection.connectionState).toBe('connected')
    await viewer.stop()
    await publisher.stop()
    expect(gateway.stderr()).toBe('')
  })

  test('that the client gives up after the 200 leaves the session as it was', async ({ keep }) => {
    const publisher = await keep(startLibwebrtcPublisher({ url: gateway.whipUrl('given-up') }))
    const viewer = await keep(startLibwebrtcViewer({ url: gateway.whepUrl('given-up') }))
    await expectDecoding(viewer, { frames: 25 })
    const response = await fetch(publisher.session.url, {
      method: 'PATCH',
      headers: { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*' },
      body: 'a=ice-ufrag:unused\r\na=ice-pwd:unusedPasswordOf26Letters\r\n',
    })
    expect(response.status).toBe(200)
    // libwebrtc checks its pair every 2.5 s at the latest: enough for one that would no longer be answered.
    await expectDecoding(viewer, { frames: viewer.frames() + 75 })
    await publisher.stop()
  })
})
