/** RFC 9725 section 4.2: the session URL and the methods that it knows. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ControlWing } from '../support/control-wing.ts'
import { startControlWing } from '../support/control-wing.ts'
import { playOffer, publishOffer } from '../support/offers.ts'

let wing: ControlWing
beforeAll(async () => {
  wing = await startControlWing()
})
afterAll(() => wing.stop())

test('DELETE answers exactly 200 without content, ends the session in the media wing and leaves nothing', async () => {
  const before = wing.streams.size
  const location = await wing.open('/whip/deleted', publishOffer())
  const response = await wing.request(location, { method: 'DELETE' })
  expect(response.status).toBe(200)
  expect(response.headers.get('Content-Length')).toBe('0')
  expect(wing.commands.at(-1)).toEqual({
    type: 'close-session',
    session: location.split('/').pop(),
    reason: 'deleted',
  })
  expect(wing.streams.size).toEqual(before)
})

test('a second DELETE answers 404 session-not-found', async () => {
  const location = await wing.open('/whip/deleted', publishOffer())
  await wing.request(location, { method: 'DELETE' })
  const response = await wing.request(location, { method: 'DELETE' })
  expect(response.status).toBe(404)
  expect(await response.json()).toMatchObject({ code: 'session-not-found' })
})

test('after DELETE the stream can be published again at once', async () => {
  const location = await wing.open('/whip/again', publishOffer())
  await wing.request(location, { method: 'DELETE' })
  expect((await wing.postSdp('/whip/again', publishOffer())).status).toBe(201)
})

test('a session is found below its own stream and endpoint only', async () => {
  const location = await wing.open('/whip/own', publishOffer())
  const id = location.split('/').pop() ?? ''
  for (const path of [`/whip/other/${id}`, `/whep/own/${id}`]) {
    expect((await wing.request(path, { method: 'DELETE' })).status).toBe(404)
  }
  expect((await wing.request(location)).status).toBe(200)
})

test.each(['GET', 'HEAD'])('%s on endpoint and session succeeds without content', async (method) => {
  const location = await wing.open(`/whip/got-${method}`, publishOffer())
  for (const path of [location, '/whip/anything']) {
    const response = await wing.request(path, { method })
    expect(response.status).toBe(200)
    expect(await response.text()).toBe('')
  }
})

test('GET on a session that does not exist answers 404', async () => {
  expect((await wing.request('/whip/live/00000000-0000-4000-8000-000000000000')).status).toBe(404)
})

test.each<[string, string, string[]]>([
  ['PUT', '/whip/live', ['HEAD', 'GET', 'POST', 'OPTIONS']],
  ['DELETE', '/whip/live', ['HEAD', 'GET', 'POST', 'OPTIONS']],
  ['PATCH', '/whep/live', ['HEAD', 'GET', 'POST', 'OPTIONS']],
  ['POST', '/whip/live/some-session', ['HEAD', 'GET', 'PATCH', 'DELETE']],
  ['POST', '/healthz', ['HEAD', 'GET']],
])('%s on %s answers 405 with Allow', async (method, path, allowed) => {
  const response = await wing.request(path, { method })
  expect(response.status).toBe(405)
  expect(await response.json()).toMatchObject({ code: 'method-not-allowed' })
  expect(new Set(response.headers.get('Allow')?.split(', '))).toEqual(new Set(allowed))
})

test('a viewer is deleted in the same way', async () => {
  await wing.open('/whip/watched', publishOffer())
  const location = await wing.open('/whep/watched', playOffer())
  expect((await wing.request(location, { method: 'DELETE' })).status).toBe(200)
  expect(wing.commands.at(-1)).toMatchObject({ type: 'close-session', reason: 'deleted' })
})
