/** The 201 and its SDP answer (RFC 9725 sections 4.2 and 4.4, RFC 9429 section 5.3.1). */
import { describe, SDP } from '../bench.ts'
import type { Bench, OpenSession } from '../bench.ts'
import {
  acceptedMedia,
  attributeOf,
  attributesOf,
  directionOf,
  inheritedAttributeOf,
  isRejected,
  mediaKindOf,
  payloadTypesOf,
  readDescription,
} from '../description.ts'
import type { HttpAnswer } from '../http-exchange.ts'
import { isClientError, mediaTypeOf } from '../http-exchange.ts'
import type { Direction, OfferOptions } from '../offers.ts'
import { unusableCandidates, usableCandidate } from '../offers.ts'
import type { RuleText } from '../rule.ts'
import { expect, NotApplicable, NotTestable } from '../rule.ts'

const accepts = { whip: '4.2', whep: '4.3.1' }
const jsep = { ...accepts, other: 'RFC 9429 section 5.3.1' }
const direction = { whip: '4.2', whep: '4.3.5' }
const bundle = { whip: '4.4.1', whep: '4.6.1' }

/** As `open`, but what is missing in the 201 breaks the rule at hand. */
async function post(bench: Bench, options: Partial<OfferOptions> = {}): Promise<HttpAnswer> {
  const { answer } = await bench.attempt(options)
  if (bench.protocol === 'whep' && [404, 406, 409].includes(answer.status))
    throw new NotTestable(`nothing is live there, publish something first: ${describe(answer)}`)
  return answer
}

const sectionsOf = ({ answer }: OpenSession) => {
  const sections = acceptedMedia(answer)
  expect(sections.length > 0, 'the answer accepts no m-section')
  return sections
}

const isTooMuch = ({ status }: HttpAnswer) => status === 400 || status === 422

/** Takes all of the offer, or refuses it whole by 400 or 422. */
function expectAllOrNothing(answer: HttpAnswer): void {
  if (isTooMuch(answer)) return
  const accepted = answer.status === 201 ? readDescription(answer.body) : undefined
  expect(accepted !== undefined, describe(answer))
  expect(!accepted.media.some(isRejected), 'a 201 whose answer rejects an m-section')
}

async function expectDirectionRefused(bench: Bench, wrong: Direction): Promise<void> {
  const { answer } = await bench.attempt({ direction: wrong })
  expect(isClientError(answer) && answer.status !== 406, `${wrong}: ${describe(answer)}`)
  if (answer.status === 401) throw new NotTestable(describe(answer))
}

export const answerRules: readonly RuleText[] = [
  {
    number: 'W3.1',
    sections: accepts,
    level: 'MUST',
    sends: 'POST of an offer',
    expects: '201',
    async check(bench) {
      const answer = await post(bench)
      expect(answer.status === 201, describe(answer))
    },
  },
  {
    number: 'W3.2',
    sections: accepts,
    level: 'MUST',
    sends: 'POST of an offer',
    expects: 'Content-Type application/sdp, and SDP as the body',
    async check(bench) {
      const answer = await post(bench)
      if (answer.status !== 201) throw new NotTestable(describe(answer))
      expect(mediaTypeOf(answer) === SDP, `Content-Type is ${answer.header('Content-Type') ?? 'missing'}`)
      expect(readDescription(answer.body) !== undefined, describe(answer))
    },
  },
  {
    number: 'W3.3',
    sections: accepts,
    level: 'MUST',
    sends: 'POST of an offer',
    expects: 'one Location, a URL other than that of the endpoint',
    async check(bench) {
      const answer = await post(bench)
      if (answer.status !== 201) throw new NotTestable(describe(answer))
      const locations = answer.headerLines('Location')
      expect(locations.length === 1, `${locations.length} Location headers`)
      const [location = ''] = locations
      expect(URL.canParse(location, bench.endpoint), `Location is no URL: ${location}`)
      expect(new URL(location, bench.endpoint).href !== bench.endpoint, 'Location is the endpoint itself')
    },
  },
  {
    number: 'W3.4',
    sections: jsep,
    level: 'MUST',
    sends: 'POST of an offer of audio and video',
    expects: 'the same m-sections in the same order, with the same mids and protocol',
    async check(bench) {
      const { offer, answer } = await bench.open()
      const outline = (sections: typeof offer.media) =>
        sections.map(
          (section) =>
            `${mediaKindOf(section)} ${(section[0] ?? '').split(' ')[2] ?? ''} ${attributeOf(section, 'mid') ?? 'no mid'}`,
        )
      const [expected, actual] = [outline(offer.media).join(', '), outline(answer.media).join(', ')]
      expect(actual === expected, `offered ${expected}; answered ${actual}`)
    },
  },
  {
    number: 'W3.5',
    sections: jsep,
    level: 'MUST',
    sends: 'POST of an offer of several codecs',
    expects:
      'at least one payload type in each accepted m-section, all of them from the offer and for the same codec',
    async check(bench) {
      const session = await bench.open()
      sectionsOf(session)
      session.answer.media.forEach((section, index) => {
        if (isRejected(section)) return
        const formats = (lines: readonly string[], payloadType: string) =>
          attributesOf(lines, 'rtpmap')
            .find((value) => value.startsWith(`${payloadType} `))
            ?.toLowerCase()
        const offered = session.offer.media[index] ?? []
        expect(payloadTypesOf(section).length > 0, 'no payload type')
        for (const payloadType of payloadTypesOf(section)) {
          const codec = formats(section, payloadType)
          expect(
            codec !== undefined && codec === formats(offered, payloadType),
            `payload type ${payloadType} is "${codec ?? 'nothing'}", but was offered as "${formats(offered, payloadType) ?? 'nothing'}"`,
          )
        }
      })
    },
  },
  {
    number: 'W3.6',
    sections: jsep,
    level: 'MUST',
    sends: 'POST of an offer',
    expects:
      'ICE credentials of 4 and 22 characters or more, and a certificate fingerprint, for each accepted m-section',
    async check(bench) {
      const session = await bench.open()
      for (const section of sectionsOf(session)) {
        const read = (name: string) => inheritedAttributeOf(session.answer, section, name) ?? ''
        expect(/^[\w+/]{4,256}$/.test(read('ice-ufrag')), `ice-ufrag is "${read('ice-ufrag')}"`)
        expect(/^[\w+/]{22,256}$/.test(read('ice-pwd')), 'ice-pwd is missing or malformed')
        expect(
          /^\S+ ([\dA-F]{2}:){15,}[\dA-F]{2}$/i.test(read('fingerprint')),
          `fingerprint is "${read('fingerprint')}"`,
        )
      }
    },
  },
  {
    number: 'W4.1',
    sections: direction,
    level: 'MUST',
    sends: 'POST of an offer in the wrong direction (recvonly to WHIP, sendonly to WHEP)',
    expects: '4xx: no answer could keep both this rule and RFC 3264 section 6.1',
    check: (bench) => expectDirectionRefused(bench, bench.answered),
  },
  {
    number: 'W4.2',
    sections: direction,
    level: 'MUST',
    sends: 'POST of an inactive offer',
    expects: '4xx',
    check: (bench) => expectDirectionRefused(bench, 'inactive'),
  },
  {
    number: 'W4.3',
    sections: direction,
    level: 'MUST',
    sends: 'POST of an offer',
    expects: 'recvonly (WHIP) or sendonly (WHEP) in each accepted m-section',
    async check(bench) {
      const session = await bench.open()
      for (const section of sectionsOf(session)) {
        const actual = directionOf(session.answer, section)
        expect(actual === bench.answered, `${mediaKindOf(section)} is ${actual}`)
      }
    },
  },
  {
    number: 'W4.4',
    sections: direction,
    level: 'MUST',
    sends: 'POST of a sendrecv offer, which clients may send',
    expects: 'the same direction in the answer as to any other offer',
    async check(bench) {
      const { answer: created } = await bench.attempt({ direction: 'sendrecv' })
      if (created.status !== 201) throw new NotApplicable(`sendrecv is not taken: ${describe(created)}`)
      const answer = readDescription(created.body)
      expect(answer !== undefined, describe(created))
      for (const section of acceptedMedia(answer))
        expect(
          directionOf(answer, section) === bench.answered,
          `${mediaKindOf(section)} is ${directionOf(answer, section)}`,
        )
    },
  },
  {
    number: 'W16.1',
    sections: { whip: '4.3.2', whep: '4.5.2' },
    level: 'MUST',
    sends: 'POST of an offer',
    expects: 'the answer has candidates, since more cannot be sent later',
    async check(bench) {
      const { answer } = await bench.open()
      const count = [answer.session, ...answer.media].flatMap((section) =>
        attributesOf(section, 'candidate'),
      ).length
      expect(count > 0, 'no candidate')
    },
  },
  {
    number: 'W17.1',
    sections: { whip: '4.3.2', whep: '4.5.2' },
    level: 'MUST',
    sends: 'POST of an offer without candidates',
    expects: '201',
    async check(bench) {
      const answer = await post(bench, { candidates: [] })
      expect(answer.status === 201, describe(answer))
    },
  },
  {
    number: 'W17.2',
    sections: { whip: '4.3.2', whep: '4.5.2' },
    level: 'MUST',
    sends:
      'POST of an offer with candidates, some of which nobody can use (mDNS, active TCP, an unknown transport)',
    expects: '201',
    async check(bench) {
      const answer = await post(bench, { candidates: [usableCandidate, ...unusableCandidates] })
      expect(answer.status === 201, describe(answer))
    },
  },
  {
    number: 'W24.1',
    sections: { ...bundle, other: 'RFC 9143 section 7.3' },
    level: 'MUST',
    sends: 'POST of an offer with one bundle',
    expects: 'a bundle of all accepted m-sections',
    async check(bench) {
      const session = await bench.open()
      const mids = sectionsOf(session).map((section) => attributeOf(section, 'mid') ?? '')
      const group = attributesOf(session.answer.session, 'group').find((value) => /^BUNDLE( |$)/.test(value))
      const bundled = group?.split(' ').slice(1) ?? []
      expect(
        mids.every((mid) => bundled.includes(mid)),
        `accepted ${mids.join(' ')}; group ${group ?? 'missing'}`,
      )
    },
  },
  ...(
    [
      ['rtcp-mux', ''],
      // RFC 8858 section 4 has it in offers alone; the newer document asks it of both sides.
      ['rtcp-mux-only', ', as RFC 9725 asks of both sides, unlike RFC 8858'],
    ] as const
  ).map(([name, note], index): RuleText => ({
    number: `W24.${index + 2}`,
    sections: bundle,
    level: 'MUST',
    sends: 'POST of an offer with one bundle',
    expects: `a=${name} in each accepted m-section${note}`,
    async check(bench) {
      for (const section of sectionsOf(await bench.open()))
        expect(attributeOf(section, name) !== undefined, `${mediaKindOf(section)} lacks a=${name}`)
    },
  })),
  {
    number: 'W25.1',
    sections: { whip: '4.4.2', whep: '4.6.2' },
    level: 'MUST',
    sends: 'POST of an offer without m-sections',
    expects: '400 or 422',
    async check(bench) {
      const { answer } = await bench.attempt({ audio: false, videos: 0 })
      expect(isTooMuch(answer), describe(answer))
    },
  },
  {
    number: 'W25.2',
    sections: { whip: '4.4.2' },
    level: 'MUST',
    sends: 'POST of an offer of two video tracks',
    expects: '400 or 422, or 201 with both taken',
    async check(bench) {
      const { answer } = await bench.attempt({ videos: 2 })
      expectAllOrNothing(answer)
    },
  },
  {
    number: 'W25.3',
    sections: { whip: '4.4.2' },
    level: 'MUST',
    sends: 'POST of an offer whose audio and video belong to different streams',
    expects: '400 or 422, or 201 with both taken',
    async check(bench) {
      const { answer } = await bench.attempt({ separateStreams: true })
      expectAllOrNothing(answer)
    },
  },
  {
    number: 'P8.1',
    sections: { whep: '4.6.2' },
    level: 'MUST',
    sends: 'POST of an offer',
    expects: 'each accepted m-section has an msid, all with the same stream id',
    async check(bench) {
      const ids = sectionsOf(await bench.open()).map((section) => attributeOf(section, 'msid')?.split(' ')[0])
      expect(
        !ids.includes(undefined) && new Set(ids).size === 1,
        `stream ids: ${ids.map((id) => id ?? 'none').join(', ')}`,
      )
    },
  },
  {
    number: 'W26.1',
    sections: { whip: '4.4.3' },
    level: 'SHOULD',
    sends: 'POST of an offer of Opus and of a video codec that does not exist',
    expects: '400 or 422, rather than 201 without the video',
    async check(bench) {
      const { answer } = await bench.attempt({ videoCodec: 'X-CONFORMANCE' })
      expect(isTooMuch(answer), describe(answer))
    },
  },
  {
    number: 'W27.1',
    sections: { whip: '4.4.4', whep: '4.6', other: 'RFC 8842 section 5.3' },
    level: 'MUST',
    sends: 'POST of an offer with setup:actpass',
    expects: 'setup:active or setup:passive in each accepted m-section',
    async check(bench) {
      const session = await bench.open()
      for (const section of sectionsOf(session)) {
        const setup = inheritedAttributeOf(session.answer, section, 'setup')
        expect(setup === 'active' || setup === 'passive', `setup is ${setup ?? 'missing'}`)
      }
    },
  },
  {
    number: 'W27.2',
    sections: { whip: '4.4.4' },
    level: 'SHOULD',
    sends: 'POST of an offer with setup:active',
    expects: '201 with setup:passive, or 400 or 422',
    async check(bench) {
      const { answer: created } = await bench.attempt({ setup: 'active' })
      if (isTooMuch(created)) return
      const answer = created.status === 201 ? readDescription(created.body) : undefined
      expect(answer !== undefined, describe(created))
      for (const section of acceptedMedia(answer)) {
        const setup = inheritedAttributeOf(answer, section, 'setup')
        expect(setup === 'passive', `setup is ${setup ?? 'missing'}`)
      }
    },
  },
  {
    number: 'W29.1',
    sections: { whip: '4.8', other: 'RFC 8853 section 5.3.2' },
    level: 'MUST',
    sends: 'POST of an offer of three simulcast layers',
    expects:
      'where simulcast is accepted: recv layers from the offer, in its order, each with its a=rid line',
    async check(bench) {
      const rids = ['h', 'm', 'l']
      const { answer } = await bench.open({ rids })
      const video = acceptedMedia(answer).find((section) => mediaKindOf(section) === 'video')
      const simulcast = video && attributeOf(video, 'simulcast')
      if (video === undefined || simulcast === undefined) throw new NotApplicable('simulcast is not accepted')
      const layers = /^recv ([^ ]+)$/.exec(simulcast)?.[1]?.split(';') ?? []
      expect(layers.length > 0, `a=simulcast:${simulcast}`)
      const names = layers.map((layer) => layer.split(',')[0]?.replace('~', '') ?? '')
      const order = names.map((name) => rids.indexOf(name))
      const ascending = order.every(
        (place, index) => place >= 0 && (index === 0 || place > (order[index - 1] ?? 0)),
      )
      expect(ascending, `a=simulcast:${simulcast} for an offer of ${rids.join(';')}`)
      const described = attributesOf(video, 'rid').map((value) => value.split(' ').slice(0, 2).join(' '))
      for (const name of names) expect(described.includes(`${name} recv`), `a=rid:${name} recv is missing`)
    },
  },
  {
    number: 'C1',
    sections: { ...accepts, other: 'FFmpeg' },
    level: 'PRACTICE',
    sends: 'POST of an offer',
    expects: 'Content-Length in the 201: FFmpeg cannot read a chunked one',
    async check(bench) {
      const { created } = await bench.open()
      expect(created.header('Content-Length') !== undefined, 'no Content-Length')
    },
  },
  {
    number: 'C2',
    sections: { ...accepts, other: 'OBS' },
    level: 'PRACTICE',
    sends: 'POST of an offer',
    expects: 'Location is an absolute path or a URL, without a query: OBS resolves nothing else',
    async check(bench) {
      const { created } = await bench.open()
      const location = created.header('Location') ?? ''
      expect(
        /^(\/|https?:)/.test(location) && (!location.includes('?') || /^https?:/.test(location)),
        `Location: ${location}`,
      )
    },
  },
  {
    number: 'C3',
    sections: { ...accepts, other: 'libdatachannel' },
    level: 'PRACTICE',
    sends: 'POST of an offer',
    expects:
      'ICE credentials and fingerprint in the first m-section itself, and lines that end in CRLF, as OBS needs them',
    async check(bench) {
      const session = await bench.open()
      const [section = []] = sectionsOf(session)
      for (const name of ['ice-ufrag', 'ice-pwd', 'fingerprint'])
        expect(attributeOf(section, name) !== undefined, `a=${name} is not in the m-section`)
      expect(
        session.created.body.endsWith('\r\n') && !/[^\r]\n/.test(session.created.body),
        'a line does not end in CRLF',
      )
    },
  },
]
