/** draft-ietf-wish-whep section 4.2: creating a WHEP session. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ControlWing } from '../support/control-wing.ts'
import { startControlWing } from '../support/control-wing.ts'
import { playOffer, publishOffer, writeOffer } from '../support/offers.ts'

let wing: ControlWing
beforeAll(async () => {
  wing = await startControlWing({ limits: { maxViewersPerStream: 3, maxSessions: 8 } })
  await wing.open('/whip/live', publishOffer())
})
afterAll(() => wing.stop())

test('answers 201 with a sendonly answer and the session URL', async () => {
  const response = await wing.postSdp('/whep/live', playOffer())
  const answer = await response.text()
  expect(response.status).toBe(201)
  expect(response.headers.get('Content-Type')).toBe('application/sdp')
  expect(response.headers.get('Content-Length')).toBe(String(Buffer.byteLength(answer)))
  expect(response.headers.get('Location')).toMatch(/^\/whep\/live\/[0-9a-f-]{36}$/)
  expect(answer).toContain('a=sendonly')
})

test('without a publisher answers 409 with Retry-After', async () => {
  const response = await wing.postSdp('/whep/nobody', playOffer())
  expect(response.status).toBe(409)
  expect(Number(response.headers.get('Retry-After'))).toBeGreaterThan(0)
  expect(await response.json()).toMatchObject({ code: 'no-publisher' })
})

test.each<[string, number, string, () => string]>([
  ['malformed SDP', 400, 'sdp-malformed', () => 'nonsense'],
  ['a sendonly offer', 422, 'wrong-direction', () => writeOffer({ direction: 'sendonly' })],
  ['an offer without the codec of the publisher', 422, 'codec-mismatch', () => playOffer({ video: 'VP8' })],
])('refuses %s by %i %s', async (_, status, code, make) => {
  const response = await wing.postSdp('/whep/live', make())
  expect(response.status).toBe(status)
  expect(await response.json()).toMatchObject({ code })
})

test('a codec mismatch names both sides', async () => {
  const response = await wing.postSdp('/whep/live', playOffer({ video: 'VP8' }))
  const { detail } = (await response.json()) as { detail: string }
  expect(detail).toContain('H264')
  expect(detail).toContain('VP8')
})

test.each(['GET', 'HEAD'])('%s lets players discover a WHEP endpoint', async (method) => {
  const response = await wing.request('/whep/live', { method })
  expect(response.status).toBe(200)
  expect(response.headers.get('Content-Type')).toBe('application/sdp')
  expect(await response.text()).toBe('')
})

test('a full stream, and then a full gateway, answer 503 with Retry-After', async () => {
  while (wing.streams.size.sessions < 4) await wing.open('/whep/live', playOffer())
  const fullStream = await wing.postSdp('/whep/live', playOffer())
  for (let count = wing.streams.size.sessions; count < 8; count++)
    await wing.open(`/whip/other-${count}`, publishOffer())
  const fullGateway = await wing.postSdp('/whip/one-more', publishOffer())
  for (const response of [fullStream, fullGateway]) {
    expect(response.status).toBe(503)
    expect(Number(response.headers.get('Retry-After'))).toBeGreaterThan(0)
    expect(await response.json()).toMatchObject({ code: 'too-many-sessions' })
  }
})

test('while shutting down answers 503, and so does the health check', async () => {
  expect((await wing.request('/healthz')).status).toBe(200)
  wing.streams.shutDown()
  for (const response of [await wing.postSdp('/whep/live', playOffer()), await wing.request('/healthz')]) {
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({ code: 'shutting-down' })
  }
})
