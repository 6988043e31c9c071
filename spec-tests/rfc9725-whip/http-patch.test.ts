/** RFC 9725 section 4.3: PATCH. Trickled candidates are welcome though not needed; new credentials restart ICE. */
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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
const otherCredentials = 'a=ice-ufrag:other\r\na=ice-pwd:otherPasswordOfMoreThan22Chars\r\n'
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
  [
    'candidates that cannot be used: active TCP, an unknown transport, no grammar at all',
    `${credentials}m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 TCP 1 192.0.2.7 9 typ host tcptype active\r\na=candidate:2 1 SCTP 1 192.0.2.7 9 typ host\r\na=candidate:?\r\n`,
  ],
  ['the end of candidates', `${credentials}m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=end-of-candidates\r\n`],
])('answers 204 without content or ETag to a fragment of %s', async (_, fragment) => {
  const response = await patch(fragment)
  expect(response.status).toBe(204)
  expect(response.headers.get('ETag')).toBeNull()
  expect(await response.text()).toBe('')
})

test.each<[string, number, string, string, Record<string, string>]>([
  [
    'an ICE restart of a client that is an ICE-lite agent as we are',
    422,
    'ice-restart-unsupported',
    `a=ice-lite\r\n${otherCredentials}`,
    { 'If-Match': '*' },
  ],
  ['a password that is too short', 400, 'sdp-malformed', credentials.replace(offerPassword, 'another'), {}],
  ['a ufrag with other characters', 400, 'sdp-malformed', credentials.replace(offerUfrag, 'a b c d'), {}],
  ['a new ufrag without a password', 400, 'sdp-malformed', 'a=ice-ufrag:other\r\n', {}],
  [
    'credentials that differ between two sections',
    400,
    'sdp-malformed',
    `m=audio 9 RTP/AVP 0\r\n${credentials}m=video 9 RTP/AVP 0\r\n${otherCredentials}`,
    {},
  ],
  ['an If-Match of another ICE session', 412, 'precondition-failed', credentials, { 'If-Match': '"other"' }],
  [
    'an If-Match with a weak tag, which is never equal to a strong one',
    412,
    'precondition-failed',
    credentials,
    { 'If-Match': 'W/"other"' },
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

test('a 415 names the type that a PATCH has (RFC 5789 section 2.2)', async () => {
  const response = await patch(credentials, { 'Content-Type': 'text/plain' })
  expect(response.headers.get('Accept-Patch')).toBe('application/trickle-ice-sdpfrag')
})

const restart = (number: number) =>
  `a=ice-ufrag:restart${number}\r\na=ice-pwd:passwordOfRestart${number}With22Characters\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n${candidate}`

/** The value of the only line of that name. */
function valueOf(fragment: string, name: string): string {
  const values = fragment.split('\r\n').filter((line) => line.startsWith(`a=${name}:`))
  expect(values).toHaveLength(1)
  return values[0]?.slice(name.length + 3) ?? ''
}

async function openSession(stream: string) {
  const response = await wing.postSdp(`/whip/${stream}`, publishOffer())
  return {
    path: response.headers.get('Location') ?? '',
    tag: response.headers.get('ETag') ?? '',
    answer: await response.text(),
  }
}

describe('the entity tag', () => {
  test('of the first ICE session comes with the 201 and is strong (RFC 9110 section 8.8.3)', async () => {
    const first = await openSession('tag-1')
    const second = await openSession('tag-2')
    expect(first.tag).toMatch(/^"[\x21\x23-\x7e]+"$/)
    expect(second.tag).not.toBe(first.tag)
  })

  test.each<[string, (tag: string) => string]>([
    ['as it was given', (tag) => tag],
    ['without its quotes', (tag) => tag.slice(1, -1)],
    ['in a list', (tag) => `"other", ${tag}`],
    ['as an asterisk', () => '*'],
    ['as an asterisk in quotes, as in examples of the RFC', () => '"*"'],
  ])('is accepted %s', async (how, ifMatch) => {
    const { path, tag } = await openSession(`accepted-${how.replaceAll(/\W/g, '-')}`)
    expect((await patch(credentials, { 'If-Match': ifMatch(tag) }, path)).status).toBe(204)
  })

  test('is not looked at on DELETE', async () => {
    const { path } = await openSession('deleted-by-another-tag')
    const response = await wing.request(path, { method: 'DELETE', headers: { 'If-Match': '"other"' } })
    expect(response.status).toBe(200)
  })
})

describe('an ICE restart', () => {
  test('answers 200 with new credentials, all candidates, what the answer said of ICE and a new tag', async () => {
    const { path, tag, answer } = await openSession('restarted')
    const response = await patch(restart(1), { 'If-Match': '*' }, path)
    expect(response.status).toBe(200)
    expect(response.headers.get('Content-Type')).toBe('application/trickle-ice-sdpfrag')
    expect(response.headers.get('ETag')).toMatch(/^"[\x21\x23-\x7e]+"$/)
    expect(response.headers.get('ETag')).not.toBe(tag)
    const fragment = await response.text()
    const lines = (text: string, pattern: RegExp) => text.split('\r\n').filter((line) => pattern.test(line))
    for (const same of [/^a=ice-lite$/, /^a=ice-options:/, /^a=group:BUNDLE/, /^a=candidate:/]) {
      expect(lines(fragment, same).length).toBeGreaterThan(0)
      expect(lines(fragment, same)).toEqual(lines(answer, same))
    }
    expect(lines(fragment, /^m=/)).toEqual(['m=audio 9 UDP/TLS/RTP/SAVPF 0'])
    expect(lines(fragment, /^a=mid:/)).toEqual(['a=mid:0'])
    expect(lines(fragment, /^a=end-of-candidates$/)).toHaveLength(1)
    expect(answer).not.toContain(valueOf(fragment, 'ice-ufrag'))
    expect(answer).not.toContain(valueOf(fragment, 'ice-pwd'))
    expect(wing.commands.at(-1)).toEqual({
      type: 'restart-ice',
      session: path.split('/').pop(),
      localUfrag: valueOf(fragment, 'ice-ufrag'),
      localPassword: valueOf(fragment, 'ice-pwd'),
      remoteUfrag: 'restart1',
      remotePassword: 'passwordOfRestart1With22Characters',
    })
  })

  test('makes the tag before it void, and its own the one to name', async () => {
    const { path, tag } = await openSession('void')
    const response = await patch(restart(1), { 'If-Match': tag }, path)
    const newTag = response.headers.get('ETag') ?? ''
    expect((await patch(restart(1), { 'If-Match': tag }, path)).status).toBe(412)
    expect((await patch(restart(1), { 'If-Match': newTag }, path)).status).toBe(204)
  })

  test('by a new password alone is one too', async () => {
    const { path } = await openSession('new-password')
    expect((await patch(credentials.replace(offerPassword, 'x'.repeat(22)), {}, path)).status).toBe(200)
  })

  test('is not undone by a candidate of the ICE session before that comes late', async () => {
    const { path } = await openSession('late')
    const response = await patch(restart(1), {}, path)
    const sent = wing.commands.length
    expect((await patch(`${credentials}${candidate}`, {}, path)).status).toBe(204)
    expect(wing.commands).toHaveLength(sent)
    const tag = response.headers.get('ETag') ?? ''
    expect((await patch(restart(1), { 'If-Match': tag }, path)).status).toBe(204)
  })

  test('that is refused leaves the session as it was', async () => {
    const { path, tag } = await openSession('refused')
    const sent = wing.commands.length
    expect((await patch(`a=ice-lite\r\n${otherCredentials}`, { 'If-Match': '*' }, path)).status).toBe(422)
    expect(wing.commands).toHaveLength(sent)
    expect((await patch(credentials, { 'If-Match': tag }, path)).status).toBe(204)
  })

  test('takes effect whole, one behind the other: of two that overlap, the one named by the same tag comes too late', async () => {
    const { path, tag } = await openSession('overlapping')
    const body = restart(1)
    const socket = connect(wing.port, '127.0.0.1')
    const received = new Promise<string>((resolve, reject) => {
      let text = ''
      socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
      socket.on('end', () => resolve(text)).on('error', reject)
    })
    // Its header is there before the second request, its body behind it.
    const begun = new Promise<void>((resolve) => {
      socket.write(
        `PATCH ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nIf-Match: ${tag}\r\n` +
          `Content-Type: application/trickle-ice-sdpfrag\r\nContent-Length: ${body.length}\r\n\r\n`,
        () => resolve(),
      )
    })
    await begun
    expect((await patch(restart(2), { 'If-Match': tag }, path)).status).toBe(200)
    socket.write(body)
    expect(await received).toMatch(/^HTTP\/1\.1 412 /)
    const last = wing.commands.filter((command) => command.type === 'restart-ice').at(-1)
    expect(last).toMatchObject({ remoteUfrag: 'restart2' })
  })
})

describe('in strict mode', () => {
  let strict: ControlWing
  beforeAll(async () => {
    strict = await startControlWing({ strict: true })
  })
  afterAll(() => strict.stop())

  test('a PATCH without If-Match is answered 428, one with it is taken, and DELETE needs none', async () => {
    const response = await strict.postSdp('/whip/strict', publishOffer())
    const path = response.headers.get('Location') ?? ''
    const trickle = (headers: Record<string, string>) =>
      strict.request(path, {
        method: 'PATCH',
        headers: { 'Content-Type': 'application/trickle-ice-sdpfrag', ...headers },
        body: credentials,
      })
    const refused = await trickle({})
    expect(refused.status).toBe(428)
    expect(await refused.json()).toMatchObject({ code: 'precondition-required' })
    expect((await trickle({ 'If-Match': response.headers.get('ETag') ?? '' })).status).toBe(204)
    expect((await strict.request(path, { method: 'DELETE' })).status).toBe(200)
  })
})
