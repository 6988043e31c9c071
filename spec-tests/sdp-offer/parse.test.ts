/**
 * What is read out of an offer, and what is refused with 400 (RFC 8866, RFC 8839, RFC 8122, RFC 9725 section
 * 4.4).
 */
import { describe, expect, it } from 'vitest'
import { Problem } from '../../src/signalling/problem.ts'
import { parseOffer } from '../../src/sdp/index.ts'
import * as limits from '../../src/sdp/limits.ts'
import {
  edited,
  mediaLines,
  playOffers,
  publishOffers,
  readOffer,
  smallOffer,
  without,
} from '../sdp-offers/offers.ts'

const obs = readOffer('obs')
const ffmpeg = readOffer('ffmpeg')

function refusal(sdp: string): string {
  try {
    parseOffer(sdp)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    expect(error.status).toBe(400)
    return `${error.code}: ${error.detail}`
  }
  return 'accepted'
}

describe('malformed offers', () => {
  it.each([
    ['nothing', ''],
    ['no SDP', 'hello'],
    ['JSON', JSON.stringify({ type: 'offer', sdp: obs })],
    ['another version', edited(obs, /^v=0/, 'v=1')],
    ['space in front', ` ${obs}`],
    ['a line that is no SDP line', obs.replace('s=-\r\n', 's=-\r\n<html>\r\n')],
    ['no origin', without(obs, /^o=/)],
    ['a NUL character', edited(obs, /^s=-/, 's=\0')],
    ['an m-line without formats', edited(obs, /^m=audio.*\r/, 'm=audio 9 UDP/TLS/RTP/SAVPF\r')],
    ['an m-line that cannot be read', edited(obs, /^m=audio 9/, 'm=audio port')],
    ['a payload type beyond seven bits', edited(obs, /^(m=audio.*) 111/, '$1 128')],
    ['a payload type that is no number', edited(obs, /^(m=audio.*) 111/, '$1 opus')],
    ['a short ufrag', edited(ffmpeg, /ufrag:.*\r/, 'ufrag:abc\r')],
    ['a long ufrag', edited(ffmpeg, /ufrag:.*\r/, `ufrag:${'a'.repeat(257)}\r`)],
    ['a ufrag of other characters', edited(ffmpeg, /ufrag:.*\r/, 'ufrag:ab:cd\r')],
    ['a short password', edited(ffmpeg, /ice-pwd:.*\r/, `ice-pwd:${'a'.repeat(21)}\r`)],
    ['a long password', edited(ffmpeg, /ice-pwd:.*\r/, `ice-pwd:${'a'.repeat(257)}\r`)],
    ['a ufrag without password', edited(ffmpeg, /^a=ice-pwd:.*\r\n/, '')],
    ['an unknown hash function', edited(ffmpeg, /sha-256/, 'md5')],
    ['a fingerprint that is too short', edited(ffmpeg, /(sha-256 .*):..\r/, '$1\r')],
    ['a fingerprint that is not hexadecimal', edited(ffmpeg, /sha-256 ../, 'sha-256 XY')],
    ['setup holdconn', edited(ffmpeg, /setup:passive/, 'setup:holdconn')],
    ['two equal mids', edited(obs, /mid:1/, 'mid:0').replace('BUNDLE 0 1', 'BUNDLE 0')],
    ['a mid that is no token', edited(obs, /mid:1/, 'mid:a b')],
    ['a bundle with a mid twice', edited(obs, /BUNDLE 0 1/, 'BUNDLE 0 1 0')],
    ['a bundle with an unknown mid', edited(obs, /BUNDLE 0 1/, 'BUNDLE 0 1 2')],
  ])('%s', (_, sdp) => {
    expect(refusal(sdp)).toMatch(/^sdp-malformed: The SDP offer cannot be read: .+\.$/)
  })
})

describe('incomplete offers', () => {
  it.each([
    ['no m-section', obs.slice(0, obs.indexOf('m=audio')), 'no m-line'],
    ['no ICE credentials', without(obs, /^a=ice-(?:ufrag|pwd)/), 'a=ice-ufrag'],
    ['no fingerprint', without(obs, /^a=fingerprint/), 'a=fingerprint'],
    ['no rtcp-mux', without(obs, /^a=rtcp-mux/), 'a=rtcp-mux'],
    ['no bundle', without(obs, /^a=group:BUNDLE/), 'a=group:BUNDLE'],
    ['a bundle of one of two', edited(obs, /BUNDLE 0 1/, 'BUNDLE 0'), 'a=group:BUNDLE'],
    ['no mid', without(obs, /^a=(?:mid|group)/), 'a=mid'],
    [
      'nothing but bundle-only',
      obs.replace(/^(m=\w+) 9(.*)\r\n/gm, '$1 0$2\r\na=bundle-only\r\n'),
      'bundle-only',
    ],
  ])('%s', (_, sdp, words) => {
    const text = refusal(sdp)
    expect(text).toMatch(/^sdp-incomplete: The SDP offer is incomplete: .+\.$/)
    expect(text).toContain(words)
  })
})

describe('limits', () => {
  const repeat = (count: number, line: (index: number) => string) =>
    Array.from({ length: count }, (_, index) => line(index))
  const withLines = (lines: string[]) =>
    smallOffer([mediaLines('video', '0', 'sendonly', '96', ['a=rtpmap:96 VP8/90000', ...lines])])
  const sections = (count: number) =>
    smallOffer(repeat(count, (index) => `m=text 9 UDP t\r\na=mid:${index}`).map((text) => text.split('\r\n')))
  const fingerprint = `a=fingerprint:sha-1 ${repeat(20, () => '00').join(':')}`

  it.each<[string, number, (count: number) => string]>([
    ['m-sections', limits.maxMediaSections, sections],
    ['lines', limits.maxLines, (count) => obs + 'a=x\r\n'.repeat(count - obs.split('\r\n').length + 1)],
    [
      'characters of a line',
      limits.maxLineCharacters,
      (count) => withLines([`a=x:${'y'.repeat(count - 4)}`]),
    ],
    [
      'payload types',
      limits.maxFormats,
      (count) =>
        smallOffer([
          mediaLines(
            'video',
            '0',
            'sendonly',
            repeat(count, (n) => (n < 128 ? String(n) : `0${n - 100}`)).join(' '),
            [],
          ),
        ]),
    ],
    [
      'format parameters',
      limits.maxFormatParameters,
      (count) => withLines([`a=fmtp:96 ${repeat(count, (n) => `p${n}=1`).join(';')}`]),
    ],
    [
      'feedback lines',
      limits.maxFeedbackLines,
      (count) => withLines(repeat(count, () => 'a=rtcp-fb:96 nack')),
    ],
    [
      'extensions',
      limits.maxExtensions,
      (count) => withLines(repeat(count, (n) => `a=extmap:${n + 1} urn:x:${n}`)),
    ],
    [
      'candidates',
      limits.maxCandidates,
      (count) => withLines(repeat(count, (n) => `a=candidate:${n} 1 udp 1 192.0.2.1 ${n + 1} typ host`)),
    ],
    ['rids', limits.maxRids, (count) => withLines(repeat(count, (n) => `a=rid:${n} send`))],
    [
      'SSRC lines',
      limits.maxSsrcLines,
      (count) => withLines(repeat(count, (n) => `a=ssrc:${n + 1} cname:x`)),
    ],
    ['fingerprints', limits.maxFingerprints, (count) => withLines(repeat(count, () => fingerprint))],
    [
      'characters of a mid',
      limits.maxIdentifierCharacters,
      (count) =>
        edited(obs, /^a=mid:1|(?<=BUNDLE 0 )1/g, '').replace('BUNDLE 0 ', `BUNDLE 0 ${'m'.repeat(count)}`) +
        `a=mid:${'m'.repeat(count)}\r\n`,
    ],
  ])('of %s is %i', (_, limit, make) => {
    expect(refusal(make(limit))).toBe('accepted')
    expect(refusal(make(limit + 1))).toMatch(/^sdp-malformed/)
  })

  it('of the session’s fingerprints is the same', () => {
    const session = (count: number) =>
      smallOffer([]).replace(/a=fingerprint.*\r\n/, `${fingerprint}\r\n`.repeat(count))
    const media = mediaLines('video', '0', 'sendonly', '96', ['']).join('\r\n')
    expect(refusal(session(limits.maxFingerprints) + media)).toBe('accepted')
    expect(refusal(session(limits.maxFingerprints + 1) + media)).toMatch(/^sdp-malformed/)
  })
})

describe('leniency', () => {
  it.each([...publishOffers, ...playOffers])('reads %s with LF line ends too', (name) => {
    const offer = readOffer(name)
    expect(parseOffer(offer.replaceAll('\r\n', '\n'))).toEqual(parseOffer(offer))
  })

  it.each([
    ['unknown attributes', 'a=x-unknown:value\r\na=x-flag\r\na=quality:10\r\n'],
    ['unknown lines', 'b=AS:500\r\nk=clear:x\r\ni=title\r\n'],
  ])('passes over %s', (_, lines) => {
    expect(parseOffer(obs.replace('a=mid:1\r\n', `a=mid:1\r\n${lines}`))).toEqual(parseOffer(obs))
  })

  it('reads mDNS, TCP and IPv6 candidates, and goes on after bad ones', () => {
    const candidates = [
      'a=candidate:1 1 udp 2113937151 0c1d5b3e-6a0c-4a7b-9d8e-1f2a3b4c5d6e.local 54400 typ host generation 0 network-cost 999',
      'a=candidate:2 1 tcp 1518214911 2001:db8::2 9 typ host tcptype active',
      'a=candidate:nonsense',
    ]
    const offer = parseOffer(obs.replace('a=mid:0\r\n', `a=mid:0\r\n${candidates.join('\r\n')}\r\n`))
    expect(offer.media[0]?.candidates).toEqual([
      { protocol: 'udp', address: '0c1d5b3e-6a0c-4a7b-9d8e-1f2a3b4c5d6e.local', port: 54_400, type: 'host' },
      { protocol: 'tcp', address: '2001:db8::2', port: 9, type: 'host' },
    ])
  })

  it('reads credentials, mids and rids of digits alone as text', () => {
    const digits = edited(obs, /ufrag:.*\r/g, 'ufrag:0123\r').replaceAll(
      /ice-pwd:.*\r/g,
      `ice-pwd:${'1'.repeat(22)}\r`,
    )
    expect(parseOffer(digits).media[0]).toMatchObject({
      mid: '0',
      ice: { ufrag: '0123', password: '1'.repeat(22) },
    })
  })

  it.each([
    ['a=ssrc:0 cname:x', []],
    ['a=ssrc:4294967296 cname:x', []],
    ['a=ssrc:x cname:x', []],
    ['a=ssrc:4294967295 cname:x', [4_294_967_295]],
  ])('takes an SSRC of 32 bits and no other: %s', (line, ssrcs) => {
    const offer = smallOffer([mediaLines('video', '0', 'sendonly', '96', ['a=rtpmap:96 VP8/90000', line])])
    expect(parseOffer(offer).media[0]?.ssrcs).toEqual(ssrcs)
  })

  it('does not take an attribute for another whose name begins alike', () => {
    const offer = obs.replaceAll('a=setup:actpass', 'a=rtcp-rsize-not\r\na=inactive-not\r\na=setup:actpass')
    const { media } = parseOffer(offer)
    expect(media.map((section) => section.rtcpReducedSize)).toEqual([false, false])
    expect(media.map((section) => section.direction)).toEqual(['sendonly', 'sendonly'])
    expect(
      refusal(without(obs, /^a=rtcp-mux/).replaceAll('a=sendonly', 'a=sendonly\r\na=rtcp-mux-x')),
    ).toContain('a=rtcp-mux')
  })

  it('keeps parameters whose names objects have already', () => {
    const lines = ['a=rtpmap:96 VP8/90000', 'a=fmtp:96 __proto__=1;constructor=2;toString']
    const [section] = parseOffer(smallOffer([mediaLines('video', '0', 'sendonly', '96', lines)])).media
    expect(Object.entries(section?.formats[0]?.parameters ?? {})).toEqual([
      ['__proto__', '1'],
      ['constructor', '2'],
      ['tostring', ''],
    ])
  })

  it('reads the msid of every client', () => {
    const streams = publishOffers.map((name) =>
      parseOffer(readOffer(name)).media.map((section) => section.streamId),
    )
    expect(streams.filter((ids) => new Set(ids).size === 1)).toHaveLength(publishOffers.length)
    expect(parseOffer(readOffer('firefox-publish')).media[0]?.streamId).toBe(
      '{44eb90f2-0fa8-43d2-b116-ee99f03db355}',
    )
  })
})
