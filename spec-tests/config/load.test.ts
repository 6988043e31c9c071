/** Flags over environment over defaults; what is wrong is named. */
import { expect, test } from 'vitest'
import { environmentSource, flagSource, loadConfig } from '../../src/config/load.ts'
import { nearest } from '../../src/config/nearest.ts'
import { flagOf, settingNames, variableOf } from '../../src/config/settings.ts'

const load = (flags: Parameters<typeof flagSource>[0], environment: Record<string, string> = {}) =>
  loadConfig([flagSource(flags), environmentSource(environment)])

test('has defaults for everything', () => {
  expect(load({})).toEqual({
    http: { host: undefined, port: 8080 },
    mediaPort: undefined,
    mediaAddress: [],
    publicAddress: [],
    publishToken: undefined,
    playToken: undefined,
    iceServer: [],
    turnUsername: undefined,
    turnCredential: undefined,
    turnSecret: undefined,
    turnCredentialLifetime: 86_400_000,
    logLevel: 'info',
    demo: false,
    consentTimeout: 30_000,
    connectTimeout: 15_000,
    takeover: 'refuse',
    publisherTakeover: 3000,
    publisherGrace: 30_000,
    playBeforePublish: [],
    maxSessions: 4000,
    maxViewersPerStream: 2000,
    maxSendBitrate: undefined,
    overloadRedirect: undefined,
    maxOfferBytes: 65_536,
    requestTimeout: 10_000,
    shutdownTimeout: 5000,
    keyframeRequestInterval: 1000,
    packetStore: 4_194_304,
    instantStart: 'off',
    instantStartBytes: 3_145_728,
    instantStartAge: 8000,
    maxPublishBitrate: 20_000_000,
    strict: false,
    udpSender: 'auto',
  })
})

test('flags win over the environment, which wins over defaults', () => {
  const config = load({ http: ':1' }, { WHIPWAY_HTTP: ':2', WHIPWAY_MEDIA_PORT: '3' })
  expect(config.http.port).toBe(1)
  expect(config.mediaPort).toBe(3)
})

test('an empty variable counts as not set', () => {
  expect(load({}, { WHIPWAY_HTTP: '', WHIPWAY_PUBLISH_TOKEN: '' }).publishToken).toBeUndefined()
})

test('lists are separated by commas', () => {
  const config = load({}, { WHIPWAY_PUBLIC_ADDRESS: '203.0.113.1, 2001:db8::1,[2001:db8::2]' })
  expect(config.publicAddress).toEqual(['203.0.113.1', '2001:db8::1', '2001:db8::2'])
})

test.each<[Record<string, string>, Record<string, string>, RegExp]>([
  [{ http: 'nowhere' }, {}, /^--http: "nowhere" is not usable: expected HOST:PORT/],
  [{}, { WHIPWAY_HTTP: '1.2.3.4.5:80' }, /^WHIPWAY_HTTP: "1.2.3.4.5:80" is not usable/],
  [{ mediaPort: '70000' }, {}, /^--media-port: "70000".*0 to 65535/],
  [{ publicAddress: '203.0.113.1,example.com' }, {}, /^--public-address:.*"example.com" is none/],
  [{ logLevel: 'inof' }, {}, /^--log-level: "inof".*one of trace, debug.*did you mean info\?/],
  [{ consentTimeout: '0' }, {}, /^--consent-timeout: "0".*from 1000 ms/],
  [{ maxSessions: 'many' }, {}, /^--max-sessions: "many".*a number from 1/],
  [{ udpSender: 'Native' }, {}, /did you mean native\?/],
  [{}, { WHIPWAY_DEMO: 'maybe' }, /^WHIPWAY_DEMO: "maybe".*true or false/],
  [
    {},
    { WHIPWAY_PUBLISH_TOKN: 'x' },
    /^unknown variable WHIPWAY_PUBLISH_TOKN; did you mean WHIPWAY_PUBLISH_TOKEN\?/,
  ],
])('%j %j is refused with words', (flags, environment, message) => {
  expect(() => load(flags, environment)).toThrow(message)
})

test('a token that no client could send is refused, and not shown', () => {
  expect(() => load({ publishToken: 'my secret' })).toThrow(
    /^--publish-token: the value \(not shown\).*RFC 6750/,
  )
})

test("an orchestrator's own variables are left alone", () => {
  expect(() =>
    load({}, { WHIPWAY_SERVICE_HOST: '10.0.0.1', WHIPWAY_PORT_8080_TCP: 'tcp://10.0.0.1:8080' }),
  ).not.toThrow()
})

test('every setting has a flag and a variable of its own', () => {
  expect(new Set(settingNames.map(flagOf)).size).toBe(settingNames.length)
  expect(variableOf('maxViewersPerStream')).toBe('WHIPWAY_MAX_VIEWERS_PER_STREAM')
})

test.each([
  ['htpp', 'http'],
  ['publishtoken', 'publish-token'],
  ['elephant', undefined],
  ['x'.repeat(1000), undefined],
])('the nearest word to %s is %s', (word, expected) => {
  expect(nearest(word, settingNames.map(flagOf))).toBe(expected)
})

test.each<[string, Record<string, string>, string]>([
  ['a TURN server without a login', { iceServer: 'stun:a,turn:b' }, 'turn:b needs --turn-secret'],
  ['a user name without a credential', { turnUsername: 'user' }, 'needed together'],
  ['a user name beside a secret', { turnUsername: 'u', turnCredential: 'c', turnSecret: 's' }, 'by itself'],
  ['a server that is no STUN or TURN URL', { iceServer: 'https://example.net' }, 'is none'],
  ['a transport for STUN', { iceServer: 'stun:a?transport=udp' }, 'is none'],
  ['a credential that OBS would cut', { turnUsername: 'u', turnCredential: 'a;b' }, 'semicolons'],
])('refuses %s', (_, flags, message) => {
  expect(() => load(flags)).toThrow(message)
})

test('takes every form of STUN and TURN URLs', () => {
  const urls = [
    'stun:stun.example.net',
    'stuns:a:5349',
    'turn:[2001:db8::1]:3478?transport=tcp',
    'turns:192.0.2.1',
  ]
  expect(load({ iceServer: urls.join(','), turnSecret: 'x' }).iceServer).toEqual(urls)
})

test.each([
  ['https://two.example.net', 'https://two.example.net'],
  ['https://two.example.net/', 'https://two.example.net'],
  ['http://192.0.2.1:8080/gateway/', 'http://192.0.2.1:8080/gateway'],
])('redirects to %s', (text, expected) => {
  expect(load({ overloadRedirect: text }).overloadRedirect).toBe(expected)
})

test.each(['two.example.net', 'ftp://two.example.net', 'https://a/?b', 'https://user:password@a'])(
  'does not redirect to %s',
  (text) => {
    expect(() => load({ overloadRedirect: text })).toThrow('expected an http: or https: URL')
  },
)
