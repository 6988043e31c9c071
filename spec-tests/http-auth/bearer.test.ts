/** RFC 6750: bearer tokens for publishing and for playing. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AuthorizationRequest } from '../../src/http/authorizer.ts'
import { bearerTokenOf, staticTokenAuthorizer } from '../../src/http/authorizer.ts'
import type { ControlWing } from '../support/control-wing.ts'
import { startControlWing } from '../support/control-wing.ts'
import { playOffer, publishOffer } from '../support/offers.ts'

let wing: ControlWing
beforeAll(async () => {
  wing = await startControlWing({ publishToken: 'publish-secret', playToken: 'play-secret' })
  await wing.postSdp('/whip/live', publishOffer(), { Authorization: 'Bearer publish-secret' })
})
afterAll(() => wing.stop())

test.each<[string, string | undefined, boolean]>([
  ['no header', undefined, false],
  ['another scheme', 'Basic cHVibGlzaC1zZWNyZXQ=', false],
  ['a wrong token', 'Bearer wrong', true],
  ["the viewers' token", 'Bearer play-secret', true],
  ['the beginning of the token', 'Bearer publish-secre', true],
  ['the token and more', 'Bearer publish-secret2', true],
  ['two tokens', 'Bearer publish-secret publish-secret', false],
])('publishing with %s answers 401 and how to do better', async (_, authorization, sentToken) => {
  const response = await wing.postSdp(
    '/whip/other',
    publishOffer(),
    authorization === undefined ? {} : { Authorization: authorization },
  )
  expect(response.status).toBe(401)
  expect(await response.json()).toMatchObject({ code: 'unauthorized' })
  expect(response.headers.get('WWW-Authenticate')).toBe(
    `Bearer realm="whipway"${sentToken ? ', error="invalid_token"' : ''}`,
  )
})

test('the right token opens each endpoint', async () => {
  const published = await wing.postSdp('/whip/right', publishOffer(), {
    Authorization: 'bearer publish-secret',
  })
  expect(published.status).toBe(201)
  const played = await wing.postSdp('/whep/live', playOffer(), { Authorization: 'Bearer play-secret' })
  expect(played.status).toBe(201)
})

test('a stranger does not learn whether a stream exists', async () => {
  const answers = await Promise.all(
    ['/whep/live', '/whep/nothing'].map(async (path) => (await wing.postSdp(path, playOffer())).text()),
  )
  expect(answers[0]).toBe(answers[1])
})

test('the session URL is the right to end the session: DELETE needs no token', async () => {
  const opened = await wing.postSdp('/whip/ending', publishOffer(), {
    Authorization: 'Bearer publish-secret',
  })
  const response = await wing.request(opened.headers.get('Location') ?? '', { method: 'DELETE' })
  expect(response.status).toBe(200)
})

test('tokens are in no log line and no answer', async () => {
  const response = await wing.postSdp('/whip/other', publishOffer(), { Authorization: 'Bearer wrong-secret' })
  expect(await response.text()).not.toContain('secret')
  expect(wing.logLines.join('')).not.toContain('secret')
})

test('an authorizer is asked for the action, the stream, the token and the address, and may forbid', async () => {
  const requests: AuthorizationRequest[] = []
  const other = await startControlWing({
    authorizer: {
      authorize: (request) => {
        requests.push(request)
        return Promise.resolve('forbidden')
      },
    },
  })
  const response = await other.postSdp('/whep/live', playOffer(), { Authorization: 'Bearer abc' })
  await other.stop()
  expect(response.status).toBe(403)
  expect(await response.json()).toMatchObject({ code: 'forbidden' })
  expect(requests).toEqual([{ action: 'play', stream: 'live', token: 'abc', remoteAddress: '127.0.0.1' }])
})

test('without tokens everybody may publish and play', async () => {
  const open = staticTokenAuthorizer({ publish: undefined, play: undefined })
  for (const action of ['publish', 'play'] as const) {
    expect(
      await open.authorize({ action, stream: 'live', token: undefined, remoteAddress: '192.0.2.1' }),
    ).toBe('allowed')
  }
})

test.each([
  ['Bearer abc', 'abc'],
  ['bearer  a-b._~+/c==', 'a-b._~+/c=='],
  ['Bearer', undefined],
  ['Bearer a b', undefined],
  ['Bearer a"b', undefined],
  ['', undefined],
])('reads the token of "%s"', (header, token) => {
  expect(bearerTokenOf(header)).toBe(token)
})
