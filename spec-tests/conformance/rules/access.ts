/** Redirects, ICE servers, tokens, extensions and URLs (RFC 9725 sections 4.5 to 5). */
import { describe, ORIGIN, SDP } from '../bench.ts'
import { exchange, readLinks } from '../http-exchange.ts'
import type { HttpAnswer } from '../http-exchange.ts'
import { newIceCredentials, writeOffer } from '../offers.ts'
import type { RuleText } from '../rule.ts'
import { expect, NotApplicable, NotTestable } from '../rule.ts'

const iceServers = { whip: '4.6', whep: '4.8' }
const bearer = { whip: '4.7.1', whep: '4.9.1' }

const iceServerLinks = (answer: HttpAnswer) =>
  readLinks(answer).links.filter(({ rel }) => rel === 'ice-server')

/** Bits of chance that the parts in which two URLs differ could hold. */
function randomBits(first: string, second: string): number {
  const [a, b] = [[...first], [...second]]
  const same = a.findIndex((character, index) => character !== b[index])
  const own = a.slice(same).filter((character) => /[\w~-]/.test(character))
  const isHex = own.every((character) => /[\da-f-]/i.test(character))
  const isDecimal = own.every((character) => /[\d-]/.test(character))
  return own.length * (isDecimal ? 3.3 : isHex ? 4 : 5.9)
}
/** A UUIDv4 (the RFC's own example of enough) has 122 bits; its first characters may be the same by chance. */
const ENOUGH_BITS = 64

export const accessRules: readonly RuleText[] = [
  {
    number: 'W30.1',
    sections: { whip: '4.5', whep: '4.7' },
    level: 'MUST',
    sends: 'POST of an offer',
    expects: 'where it is redirected, neither 301 nor 302',
    async check(bench) {
      await bench.attempt()
      const statuses = bench.redirects.map(({ status }) => status)
      if (statuses.length === 0) throw new NotApplicable('it is not redirected')
      expect(!statuses.includes(301) && !statuses.includes(302), `redirected by ${statuses.join(', ')}`)
    },
  },
  {
    number: 'W32.1',
    sections: iceServers,
    level: 'MUST',
    sends: 'POST of an offer',
    expects:
      'where the 201 names ICE servers: well-formed Link headers with stun:, turn: or turns: URLs, and username and credential for TURN',
    async check(bench) {
      const { created } = await bench.open()
      const { malformed } = readLinks(created)
      expect(malformed.length === 0, `malformed Link: ${malformed.join(' | ')}`)
      const links = iceServerLinks(created)
      if (links.length === 0) throw new NotApplicable('no ICE server is named')
      for (const { url, parameters } of links) {
        expect(/^(stuns?|turns?):[^/]/.test(url), `not a STUN or TURN URL: ${url}`)
        const isTurn = url.startsWith('turn')
        expect(
          !isTurn || (parameters.has('username') && parameters.has('credential')),
          `no credentials for ${url}`,
        )
      }
    },
  },
  {
    number: 'C7',
    sections: { ...iceServers, other: 'OBS' },
    level: 'PRACTICE',
    sends: 'POST of an offer',
    expects:
      'one Link header line for each ICE server, without comma or semicolon in its credentials: OBS splits there',
    async check(bench) {
      const { created } = await bench.open()
      if (iceServerLinks(created).length === 0) throw new NotApplicable('no ICE server is named')
      expect(
        readLinks(created).perLine.every((count) => count === 1),
        'several links in one line',
      )
      for (const { parameters } of iceServerLinks(created))
        for (const name of ['username', 'credential'])
          expect(!/[,;]/.test(parameters.get(name) ?? ''), `${name} has a comma or semicolon`)
    },
  },
  {
    number: 'W33.1',
    sections: iceServers,
    level: 'SHOULD',
    sends: 'a CORS preflight',
    expects: 'no ICE servers in the answer: each would cost a set of credentials',
    async check(bench) {
      const answer = await exchange({
        method: 'OPTIONS',
        url: bench.endpoint,
        headers: {
          Origin: ORIGIN,
          'Access-Control-Request-Method': 'POST',
          'Access-Control-Request-Headers': 'content-type',
        },
      })
      expect(iceServerLinks(answer).length === 0, `Link: ${answer.header('Link') ?? ''}`)
    },
  },
  ...(
    [
      { number: 'W34.1', what: 'no token', token: undefined },
      { number: 'W34.2', what: 'a wrong token', token: 'conformance-wrong-token' },
    ] as const
  ).map(({ number, what, token }): RuleText => ({
    number,
    sections: { ...bearer, other: 'RFC 6750 section 3' },
    level: 'MUST',
    sends: `POST of an offer with ${what}, where a token was given to the suite`,
    expects: '401 with WWW-Authenticate: Bearer (a wrong token: or 403)',
    async check(bench) {
      if (bench.token === undefined) throw new NotTestable('the suite was given no token')
      const answer = await exchange({
        method: 'POST',
        url: bench.endpoint,
        body: writeOffer({ direction: bench.offered, ice: newIceCredentials() }),
        headers: {
          'Content-Type': SDP,
          ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
        },
      })
      if (token !== undefined && answer.status === 403) return
      expect(answer.status === 401, describe(answer))
      const challenge = answer.header('WWW-Authenticate') ?? 'missing'
      expect(/\bbearer\b/i.test(challenge), `WWW-Authenticate is ${challenge}`)
    },
  })),
  {
    number: 'W35.1',
    sections: { whip: '4.9', whep: '4.10' },
    level: 'MUST',
    sends: 'POST of an offer',
    expects:
      'where the 201 names extensions: one Link header line each, with a URL and the URN prefix of the protocol',
    async check(bench) {
      const { created } = await bench.open()
      const { links, perLine } = readLinks(created)
      const extensions = links.filter(({ rel }) => rel.startsWith('urn:ietf:params:'))
      if (extensions.length === 0) throw new NotApplicable('no extension is named')
      expect(
        perLine.every((count) => count === 1),
        'several links in one line',
      )
      for (const { rel, url } of extensions) {
        expect(rel.startsWith(`urn:ietf:params:${bench.protocol}:ext:`), `rel is ${rel}`)
        expect(url !== '' && URL.canParse(url, created.request.url), `no URL: ${url}`)
      }
    },
  },
  {
    number: 'W36.1',
    sections: { whip: '5', whep: '5' },
    level: 'MUST',
    sends: 'nothing: the URLs tell',
    expects: 'HTTPS, for the endpoint and for the session; nothing can be said of loopback',
    async check(bench) {
      const { protocol, hostname } = new URL(bench.endpoint)
      if (/^(localhost|127\..*|\[::1\])$/.test(hostname) && protocol === 'http:')
        throw new NotTestable('plain HTTP over loopback')
      expect(protocol === 'https:', `the endpoint is ${protocol}`)
      const { url } = await bench.open()
      expect(url.startsWith('https:'), 'the session is not')
    },
  },
  {
    number: 'W36.2',
    sections: { whip: '5', whep: '5' },
    level: 'SHOULD',
    sends: 'two sessions, one after the other',
    expects: 'URLs that nobody can guess: they differ in a part with room for 64 bits of chance or more',
    async check(bench) {
      const first = await bench.open()
      await bench.remove(first)
      const second = await bench.open()
      const bits = Math.round(randomBits(new URL(first.url).pathname, new URL(second.url).pathname))
      expect(
        first.url !== second.url && bits >= ENOUGH_BITS,
        `${bits} bits at most: ${first.url}, ${second.url}`,
      )
    },
  },
]
