/** RFC 9725 section 4.3: PATCH. Trickled candidates are welcome though not needed; ICE restarts are refused. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ControlWing } from '../support/control-wing.ts'
import { startControlWing } from '../support/control-wing.ts'
import { offerPassword, offerUfrag, publishOffer } from '../support/offers.ts'

let wing: ControlWing
let location: string
beforeAll(async () => {
  wing = await startControlWing()
  location = await wing.open('/whip/patched', publishOffer())
})
afterAll(() => wing.stop())

const patch = (body: string, headers: Record<string, string> = {}, path = location) =>
  wing.request(path, {
    method: 'PATCH',
    headers: { 'Content-Type': 'application/trickle-ice-sdpfrag', ...headers },
    body,
  })

const credentials = `a=ice-ufrag:${offerUfrag}\r\na=ice-pwd:${offerPassword}\r\n`
const candidate = 'a=candidate:1 1 UDP 2122317823 192.0.2.7 40000 typ host\r\n'

test.each([
  [
    'RFC 9725 figure 4, with a port in its m-line',
    `${credentials}m=audio 9 RTP/AVP 0\r\na=mid:0\r\n${candidate}`,
  ],
  [
    'whip.js, whose m-line has no port',
    `${credentials}m=audio RTP/AVP 0\r\na=mid:0\r\n${candidate}a=end-of-candiadates\r\n`,
  ],
  [
    'GStreamer, whose m-line is of another kind than its mid',
    `${credentials}m=audio 9 RTP/AVP 0\r\na=mid:video0\r\n${candidate}`,
  ],
  ['no credentials at all', `m=audio 9 RTP/AVP 0\r\na=mid:0\r\n${candidate}`],
  [
    'an mDNS name',
    `${credentials}m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 UDP 1 6f1.local 9 typ host\r\n`,
  ],
  [
    'lines that end in LF alone',
    `${credentials}m=audio 9 RTP/AVP 0\r\na=mid:0\r\n${candidate}`.replaceAll('\r\n', '\n'),
  ],
  ['the end of candidates', `${credentials}m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=end-of-candidates\r\n`],
])('answers 204 without content or ETag to a fragment of %s', async (_, fragment) => {
  const response = await patch(fragment)
  expect(response.status).toBe(204)
  expect(response.headers.get('ETag')).toBeNull()
  expect(await response.text()).toBe('')
})

test('ignores If-Match, which some clients send without having got an ETag', async () => {
  expect((await patch(credentials, { 'If-Match': '"unknown"' })).status).toBe(204)
})

test.each<[string, number, string, string, Record<string, string>]>([
  [
    'an ICE restart by a new ufrag',
    422,
    'ice-restart-unsupported',
    'a=ice-ufrag:other\r\na=ice-pwd:otherPasswordOfMoreThan22Chars\r\n',
    {},
  ],
  [
    'an ICE restart by a new password',
    422,
    'ice-restart-unsupported',
    credentials.replace(offerPassword, 'another'),
    { 'If-Match': '"*"' },
  ],
  ['an empty fragment', 400, 'sdp-malformed', '', {}],
  ['something else than a fragment', 400, 'sdp-malformed', '{"candidate":"..."}', {}],
  [
    'another content type',
    415,
    'unsupported-media-type',
    credentials,
    { 'Content-Type': 'application/json' },
  ],
  [
    'SDP, which only answers a counter-offer',
    415,
    'unsupported-media-type',
    credentials,
    { 'Content-Type': 'application/sdp' },
  ],
  ['a body over the limit', 413, 'body-too-large', candidate.repeat(2000), {}],
])('refuses %s by %i %s and keeps the session', async (_, status, code, body, headers) => {
  const response = await patch(body, headers)
  expect(response.status).toBe(status)
  expect(await response.json()).toMatchObject({ code })
  expect((await wing.request(location)).status).toBe(200)
})

test('answers 404 for a session that has ended', async () => {
  const ended = await wing.open('/whip/ended', publishOffer())
  await wing.request(ended, { method: 'DELETE' })
  expect((await patch(credentials, {}, ended)).status).toBe(404)
})
