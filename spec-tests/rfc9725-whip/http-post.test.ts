/** RFC 9725 section 4.2: creating a WHIP session. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ControlWing } from '../support/control-wing.ts'
import { startControlWing } from '../support/control-wing.ts'
import { playOffer, publishOffer, writeOffer } from '../support/offers.ts'

let wing: ControlWing
beforeAll(async () => {
  wing = await startControlWing()
})
afterAll(() => wing.stop())

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'

test('answers 201 with the SDP answer, its type, its length and the session URL', async () => {
  const response = await wing.postSdp('/whip/created', publishOffer())
  const answer = await response.text()
  expect(response.status).toBe(201)
  expect(response.headers.get('Content-Type')).toBe('application/sdp')
  expect(response.headers.get('Content-Length')).toBe(String(Buffer.byteLength(answer)))
  expect(response.headers.get('Transfer-Encoding')).toBeNull()
  expect(answer).toMatch(/^v=0\r\n/)
  expect(answer).toContain('a=recvonly')
})

test('gives Location as an absolute path without a query, below the endpoint, ending in a UUID', async () => {
  const response = await wing.postSdp('/whip/located?token=x', publishOffer())
  expect(response.headers.get('Location')).toMatch(new RegExp(`^/whip/located/${uuid}$`))
})

test('tells the media wing what was negotiated', async () => {
  const location = await wing.open('/whip/negotiated', publishOffer({ video: 'VP8' }))
  const command = wing.commands.at(-1)
  expect(command).toMatchObject({
    type: 'open-publisher',
    stream: 'negotiated',
    session: location.split('/').pop(),
    transport: { remoteUfrag: 'clientUfrag' },
  })
  expect(command?.type === 'open-publisher' && command.tracks.map((track) => track.codec)).toEqual([
    'opus',
    'VP8',
  ])
})

test.each([
  'application/sdp; charset=utf-8',
  'Application/SDP',
  'application/sdp;charset="utf-8"; x=y',
  ' application/sdp ',
])('takes Content-Type "%s"', async (contentType) => {
  const response = await wing.postSdp(`/whip/type-${Math.abs(hash(contentType))}`, publishOffer(), {
    'Content-Type': contentType,
  })
  expect(response.status).toBe(201)
})

const hash = (text: string): number =>
  [...text].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) | 0, 7)

test('takes sendrecv, as some pages offer it', async () => {
  expect((await wing.postSdp('/whip/sendrecv', writeOffer({ direction: 'sendrecv' }))).status).toBe(201)
})

test.each<[string, number, string, () => { path?: string; body: string; headers?: Record<string, string> }]>([
  [
    'another content type',
    415,
    'unsupported-media-type',
    () => ({ body: publishOffer(), headers: { 'Content-Type': 'text/plain' } }),
  ],
  [
    'no content type',
    415,
    'unsupported-media-type',
    () => ({ body: publishOffer(), headers: { 'Content-Type': '' } }),
  ],
  [
    'a type that only begins alike',
    415,
    'unsupported-media-type',
    () => ({ body: publishOffer(), headers: { 'Content-Type': 'application/sdpx' } }),
  ],
  [
    'a compressed body',
    415,
    'unsupported-media-type',
    () => ({ body: publishOffer(), headers: { 'Content-Encoding': 'gzip' } }),
  ],
  ['an empty body', 400, 'sdp-malformed', () => ({ body: '' })],
  ['a body that is no SDP', 400, 'sdp-malformed', () => ({ body: '{"sdp":"v=0"}' })],
  ['a recvonly offer', 422, 'wrong-direction', () => ({ body: playOffer() })],
  ['an inactive offer', 422, 'wrong-direction', () => ({ body: writeOffer({ direction: 'inactive' }) })],
  [
    'an offer without ICE credentials',
    400,
    'sdp-incomplete',
    () => ({ body: publishOffer().replace(/a=ice-.*\r\n/g, '') }),
  ],
  [
    'only codecs that nobody can forward',
    422,
    'unusable-media',
    () => ({ body: publishOffer().replace('H264/90000', 'theora/90000') }),
  ],
  [
    'a body over the limit',
    413,
    'body-too-large',
    () => ({ body: publishOffer() + 'a=x-padding:y\r\n'.repeat(5000) }),
  ],
  ['a name with a space', 400, 'invalid-stream-name', () => ({ path: '/whip/a%20b', body: publishOffer() })],
  [
    'a name with an encoded slash',
    400,
    'invalid-stream-name',
    () => ({ path: '/whip/a%2Fb', body: publishOffer() }),
  ],
  [
    'a name that is not UTF-8',
    400,
    'invalid-stream-name',
    () => ({ path: '/whip/%E0%A4%A', body: publishOffer() }),
  ],
  [
    'a name of 129 characters',
    400,
    'invalid-stream-name',
    () => ({ path: `/whip/${'a'.repeat(129)}`, body: publishOffer() }),
  ],
  ['no name', 404, 'not-found', () => ({ path: '/whip/', body: publishOffer() })],
])('refuses %s by %i %s', async (_, status, code, make) => {
  const { path = '/whip/refused', body, headers } = make()
  const before = wing.commands.length
  const response = await wing.postSdp(path, body, headers)
  expect(response.headers.get('Content-Type')).toBe('application/problem+json')
  expect(await response.json()).toMatchObject({
    status,
    code,
    type: 'about:blank',
    title: expect.any(String) as unknown,
    detail: expect.any(String) as unknown,
  })
  expect(response.status).toBe(status)
  expect(response.headers.get('Access-Control-Allow-Origin')).toBe('*')
  expect(wing.commands.length).toBe(before)
})

test.each(['a', 'A.b_c~d-9', '...', 'a'.repeat(128)])('takes the stream name %s', async (name) => {
  expect((await wing.postSdp(`/whip/${name}`, publishOffer())).status).toBe(201)
})

test('refuses a second publisher by 409 already-published', async () => {
  await wing.open('/whip/taken', publishOffer())
  const response = await wing.postSdp('/whip/taken', publishOffer())
  expect(response.status).toBe(409)
  expect(await response.json()).toMatchObject({ code: 'already-published' })
})

test('logs neither the offer nor the credentials in it', async () => {
  await wing.postSdp('/whip/secret', publishOffer().replace('v=0', 'v=1'))
  expect(wing.logLines.join('')).not.toContain('clientPassword')
})
