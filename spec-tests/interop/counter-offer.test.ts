/** A libwebrtc player that lets the gateway make the offer (draft-ietf-wish-whep section 4.3). */
import { afterAll, beforeAll, expect } from 'vitest'
import { loadWebRtc } from '../../src/client/webrtc.ts'
import { startGateway, type Gateway } from '../support/gateway.ts'
import { interopTest as test } from '../support/interop-test.ts'
import { startLibwebrtcPublisher } from '../support/libwebrtc-publisher.ts'
import { readNumber, readStatistics } from '../support/libwebrtc-viewer.ts'
import { waitFor } from '../support/wait.ts'

let gateway: Gateway
beforeAll(async () => {
  gateway = await startGateway()
})
afterAll(() => gateway.stop())

test('decodes pictures and sound, and loses nothing', async ({ keep }) => {
  await keep(startLibwebrtcPublisher({ url: gateway.whipUrl('offered') }))
  const { RTCPeerConnection } = await loadWebRtc()
  const connection = await keep(Promise.resolve(new RTCPeerConnection({ bundlePolicy: 'max-bundle' })))
  const offered = await fetch(gateway.whepUrl('offered'), { method: 'POST' })
  expect(offered.status).toBe(406)
  await connection.setRemoteDescription({ type: 'offer', sdp: await offered.text() })
  await connection.setLocalDescription(await connection.createAnswer())
  const completed = await fetch(new URL(offered.headers.get('Location') ?? '', gateway.httpUrl), {
    method: 'PATCH',
    headers: { 'Content-Type': 'application/sdp' },
    body: connection.localDescription?.sdp ?? '',
  })
  expect(completed.status).toBe(204)
  const report = await waitFor(
    'pictures and sound',
    async () => {
      const current = await readStatistics(connection)
      const frames = readNumber(current, 'inbound-rtp', 'video', 'framesDecoded')
      return frames >= 50 && readNumber(current, 'inbound-rtp', 'audio', 'packetsReceived') >= 50 && current
    },
    { timeoutMs: 20_000 },
    () => readStatistics(connection),
  )
  for (const kind of ['audio', 'video'] as const)
    expect(readNumber(report, 'inbound-rtp', kind, 'packetsLost')).toBe(0)
})
