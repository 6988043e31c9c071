/** What only WHEP has: counter-offers, and streams without a publisher (draft-ietf-wish-whep section 4.3). */
import { describe, SDP } from '../bench.ts'
import type { Attempt, Bench } from '../bench.ts'
import { acceptedMedia, directionOf, inheritedAttributeOf, readDescription } from '../description.ts'
import type { HttpAnswer } from '../http-exchange.ts'
import { isClientError, mediaTypeOf } from '../http-exchange.ts'
import { newIceCredentials, writeAnswer, writeOffer } from '../offers.ts'
import type { RuleText } from '../rule.ts'
import { expect, NotApplicable, NotTestable } from '../rule.ts'

const counterOffer = { whep: '4.3.2' }
/** RFC 9110 section 5.6.7: IMF-fixdate, which is all that a sender may write. */
const httpDate = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

/** @throws NotApplicable unless the server counter-offers to one of the ways to ask for it: no offer at all, or one that cannot match. */
async function provoke(bench: Bench): Promise<HttpAnswer> {
  const unmatched: Attempt = await bench.attempt(
    { audio: false, videoCodec: 'X-CONFORMANCE' },
    { Accept: SDP },
  )
  if (unmatched.answer.status === 406) return unmatched.answer
  const answer = await bench.post('', { Accept: SDP })
  if (answer.status !== 406) throw new NotApplicable(`no counter-offer: ${describe(answer)}`)
  return answer
}

function sessionUrlOf(answer: HttpAnswer): string {
  const location = answer.header('Location')
  if (location === undefined || !URL.canParse(location, answer.request.url))
    throw new NotTestable('the 406 has no usable Location')
  return new URL(location, answer.request.url).href
}

function idleEndpointOf({ target, endpoint }: Bench): string {
  return (
    target.idleWhep ??
    new URL(endpoint.replace(/\/*$/, '').replace(/[^/]+$/, `conformance-idle-${Date.now().toString(36)}`))
      .href
  )
}

export const playbackRules: readonly RuleText[] = [
  {
    number: 'P2.1',
    sections: counterOffer,
    level: 'MUST',
    sends: 'POST of an offer that cannot match, or of none',
    expects:
      'where it is answered 406: application/sdp, a Location, and an SDP offer with ICE credentials and fingerprint',
    async check(bench) {
      const answer = await provoke(bench)
      expect(mediaTypeOf(answer) === SDP, `Content-Type is ${answer.header('Content-Type') ?? 'missing'}`)
      expect(answer.header('Location') !== undefined, 'no Location')
      const offer = readDescription(answer.body)
      expect(offer !== undefined && offer.media.length > 0, describe(answer))
      for (const section of offer.media)
        for (const name of ['ice-ufrag', 'ice-pwd', 'fingerprint'])
          expect(inheritedAttributeOf(offer, section, name) !== undefined, `the offer lacks ${name}`)
    },
  },
  {
    number: 'P2.2',
    sections: { whep: '4.3.5' },
    level: 'MUST',
    sends: 'POST of an offer that cannot match, or of none',
    expects: 'a counter-offer is sendonly or sendrecv',
    async check(bench) {
      const offer = readDescription((await provoke(bench)).body)
      if (offer === undefined) throw new NotTestable('the 406 holds no SDP')
      for (const section of acceptedMedia(offer)) {
        const direction = directionOf(offer, section)
        expect(direction === 'sendonly' || direction === 'sendrecv', `it is ${direction}`)
      }
    },
  },
  {
    number: 'P2.3',
    sections: counterOffer,
    level: 'MUST',
    sends: 'POST of an offer that cannot match, or of none',
    expects: 'where a counter-offer has valid-until, it is an HTTP date in the future',
    async check(bench) {
      const type = (await provoke(bench)).header('Content-Type') ?? ''
      const validUntil = /;\s*valid-until\s*=\s*(?:"([^"]*)"|([^\s;]*))/i.exec(type)
      if (validUntil === null) throw new NotApplicable('valid-until is not given')
      const date = validUntil[1] ?? validUntil[2] ?? ''
      expect(httpDate.test(date) && Date.parse(date) > Date.now() - 1000, `valid-until is ${date}`)
    },
  },
  {
    number: 'P3.1',
    sections: counterOffer,
    level: 'MUST',
    sends: 'PATCH of an answer to a counter-offer, as application/sdp',
    expects: '204',
    async check(bench) {
      const counter = await provoke(bench)
      const url = sessionUrlOf(counter)
      const offer = readDescription(counter.body)
      if (offer === undefined) throw new NotTestable('the 406 holds no SDP')
      const answer = await bench.patch({ url }, writeAnswer(offer, newIceCredentials()), { type: SDP })
      expect(answer.status === 204, describe(answer))
    },
  },
  {
    number: 'P3.2',
    sections: counterOffer,
    level: 'MUST',
    sends: 'PATCH of words that are no SDP in answer to a counter-offer',
    expects: '4xx',
    async check(bench) {
      const url = sessionUrlOf(await provoke(bench))
      const answer = await bench.patch({ url }, 'this is no answer\r\n', { type: SDP })
      expect(isClientError(answer), describe(answer))
    },
  },
  {
    number: 'P6.1',
    sections: { whep: '4.3.8' },
    level: 'MUST',
    sends: 'POST of an offer where nobody publishes',
    expects: '409 with Retry-After; or 201, where viewers may come early',
    async check(bench) {
      const endpoint = idleEndpointOf(bench)
      const answer = await bench.post(
        writeOffer({ direction: 'recvonly', ice: newIceCredentials() }),
        {},
        endpoint,
      )
      if (answer.status === 201) throw new NotApplicable('viewers may come early')
      if ([401, 403, 404].includes(answer.status) && bench.target.idleWhep === undefined)
        throw new NotTestable(
          `${endpoint} is no stream without a publisher, name one by --idle-whep: ${describe(answer)}`,
        )
      expect(answer.status === 409, describe(answer))
      const retryAfter = answer.header('Retry-After') ?? 'missing'
      expect(/^\d+$/.test(retryAfter) || httpDate.test(retryAfter), `Retry-After is ${retryAfter}`)
    },
  },
]
