/** RFC 8840 section 9: SDP fragments, as clients write them and as we write them. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseSdpFragment, writeSdpFragment } from '../../src/signalling/sdp-fragment.ts'

const lines = (...all: string[]): string => all.map((line) => `${line}\r\n`).join('')
const password = '0b66f472495ef0ccac7bda653ab6be49ea13114472a5d10a'

describe('reads', () => {
  test('RFC 9725 figure 5: credentials in the m-section', () => {
    const fragment = parseSdpFragment(
      lines(
        'a=ice-options:trickle ice2',
        'a=group:BUNDLE 0 1',
        'm=audio 9 UDP/TLS/RTP/SAVPF 111',
        'a=mid:0',
        'a=ice-ufrag:EsAw',
        `a=ice-pwd:${password}`,
        'a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1',
        'a=candidate:3471623853 1 udp 2122194687 198.51.100.2 61765 typ host generation 0 ufrag EsAw network-id 2',
        'a=end-of-candidates',
      ),
    )
    expect(fragment).toMatchObject({
      ufrag: 'EsAw',
      password,
      mid: '0',
      iceLite: false,
      endOfCandidates: true,
    })
    expect(fragment?.candidates).toHaveLength(2)
  })

  test('whip.js: no port, credentials at the session level, a misspelt end', () => {
    expect(
      parseSdpFragment(
        lines(
          'a=ice-ufrag:EsAw',
          `a=ice-pwd:${password}`,
          'm=audio RTP/AVP 0',
          'a=mid:0',
          'a=end-of-candiadates',
        ),
      ),
    ).toMatchObject({ ufrag: 'EsAw', password, mid: '0', candidates: [], endOfCandidates: true })
  })

  test('GStreamer: an m-line of another kind than its mid', () => {
    expect(parseSdpFragment(lines('m=audio 9 RTP/AVP 0', 'a=mid:video0', 'a=candidate:1'))).toMatchObject({
      ufrag: undefined,
      password: undefined,
      mid: 'video0',
      candidates: ['1'],
    })
  })

  test('credentials that are repeated in each section', () => {
    const credentials = ['a=ice-ufrag:EsAw', `a=ice-pwd:${password}`]
    const text = lines('m=audio 9 RTP/AVP 0', ...credentials, 'm=video 9 RTP/AVP 0', ...credentials)
    expect(parseSdpFragment(text)).toMatchObject({ ufrag: 'EsAw', password })
  })
})

describe('refuses', () => {
  test.each([
    ['nothing', ''],
    ['line ends alone', '\r\n\r\n'],
    ['JSON', '{}'],
    ['a line without "="', lines('a=mid:0', 'candidate')],
    ['a ufrag of three characters', lines('a=ice-ufrag:abc')],
    ['a password of 257 characters', lines(`a=ice-pwd:${'x'.repeat(257)}`)],
    ['two ufrags', lines('a=ice-ufrag:abcd', 'a=ice-ufrag:abce')],
  ])('%s', (_, text) => {
    expect(parseSdpFragment(text)).toBeUndefined()
  })
})

const iceText = (minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...'abcXYZ019+/'), minLength, maxLength })

test('reads back whatever it writes', () => {
  fc.assert(
    fc.property(
      fc.record({
        ufrag: iceText(4, 256),
        password: iceText(22, 256),
        iceLite: fc.boolean(),
        iceOptions: fc.subarray(['ice2', 'trickle']),
        candidates: fc.array(fc.constantFrom('1 1 UDP 1 192.0.2.1 9 typ host', '2 1 UDP 1 ::1 9 typ host')),
        endOfCandidates: fc.boolean(),
        section: fc.record({
          kind: fc.constantFrom('audio' as const, 'video' as const),
          mid: fc.constantFrom('0', 'video0'),
          bundle: fc.subarray(['0', 'video0']),
        }),
      }),
      (content) => {
        const { ufrag, password, iceLite, candidates, endOfCandidates, section } = content
        expect(parseSdpFragment(writeSdpFragment(content))).toEqual({
          ufrag,
          password,
          iceLite,
          candidates,
          endOfCandidates,
          mid: section.mid,
        })
      },
    ),
    { numRuns: 200, seed: 8840 },
  )
})

test('reads any text without an exception', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', '=', ':', '\r\n', '\n', 'ice-ufrag', 'ice-pwd', ' ') }),
      (text) => {
        expect(() => parseSdpFragment(text)).not.toThrow()
      },
    ),
    { numRuns: 300, seed: 8840 },
  )
})
