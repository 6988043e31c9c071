/** RFC 9725 section 4.5: what a full or busy gateway answers. */
import { afterEach, expect, test } from 'vitest'
import type { ControlWing, ControlWingOptions } from '../support/control-wing.ts'
import { startControlWing } from '../support/control-wing.ts'
import { playOffer, publishOffer } from '../support/offers.ts'

let wing: ControlWing | undefined
afterEach(() => wing?.stop())
const start = async (options: ControlWingOptions) => (wing = await startControlWing(options))

async function post({ url }: ControlWing, path: string, body: string, token = '') {
  const response = await fetch(url + path, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${token}` },
    body,
  })
  const text = await response.text()
  return {
    status: response.status,
    location: response.headers.get('Location'),
    retryAfter: Number(response.headers.get('Retry-After')),
    code: text.startsWith('{') ? (JSON.parse(text) as { code: string }).code : undefined,
  }
}

test('viewers are answered 503 with Retry-After while too much is sent, publishers are let in', async () => {
  const gateway = await start({ limits: { maxSendBitsPerSecond: 1_000_000 } })
  await gateway.open('/whip/live', publishOffer())
  gateway.load(999_999)
  await gateway.open('/whep/live', playOffer())
  gateway.load(1_000_000)
  const refused = await post(gateway, '/whep/live', playOffer())
  expect(refused).toMatchObject({ status: 503, code: 'overloaded' })
  expect(refused.retryAfter).toBeGreaterThan(0)
  expect((await post(gateway, '/whip/other', publishOffer())).status).toBe(201)
})

test('a load that was told long ago counts for nothing: nothing has been sent since', async () => {
  const gateway = await start({ limits: { maxSendBitsPerSecond: 1_000_000 } })
  await gateway.open('/whip/live', publishOffer())
  gateway.load(2_000_000)
  gateway.clock.advance(3_000)
  expect((await post(gateway, '/whep/live', playOffer())).status).toBe(503)
  gateway.clock.advance(1)
  expect((await post(gateway, '/whep/live', playOffer())).status).toBe(201)
})

const elsewhere = 'https://two.example.net/gateway'

test('full, busy and stopping gateways redirect by 307 where another one is named', async () => {
  const limits = { maxSessions: 2, maxSendBitsPerSecond: 1_000_000 }
  const gateway = await start({ limits, overloadRedirect: elsewhere })
  await gateway.open('/whip/live', publishOffer())
  gateway.load(1_000_000)
  const toViewer = { status: 307, location: `${elsewhere}/whep/live`, code: undefined }
  expect(await post(gateway, '/whep/live', playOffer())).toMatchObject(toViewer)
  await gateway.open('/whip/second', publishOffer())
  const toPublisher = { status: 307, location: `${elsewhere}/whip/third`, code: undefined }
  expect(await post(gateway, '/whip/third', publishOffer())).toMatchObject(toPublisher)
  gateway.streams.shutDown()
  expect(await post(gateway, '/whip/third', publishOffer())).toMatchObject(toPublisher)
})

test('nobody is redirected for another reason', async () => {
  const gateway = await start({
    overloadRedirect: elsewhere,
    publishToken: 'secret',
    limits: { maxSessions: 0 },
  })
  expect((await post(gateway, '/whip/live', publishOffer(), 'wrong')).status).toBe(401)
  expect((await post(gateway, '/whip/live', 'nonsense', 'secret')).status).toBe(400)
  expect((await post(gateway, '/whep/live', playOffer())).status).toBe(409)
  expect((await post(gateway, '/whip/live', publishOffer(), 'secret')).status).toBe(307)
})
