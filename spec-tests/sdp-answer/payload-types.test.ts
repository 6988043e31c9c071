/** RFC 5761 section 4: with RTP and RTCP on one port, payload types 64 to 95 would be taken for RTCP. */
import { expect, it } from 'vitest'
import { publish, readOffer } from '../sdp-offers/offers.ts'

const withOpusAs = (payloadType: number): string =>
  readOffer('obs').replaceAll(/( |:)111\b/g, `$1${payloadType}`)

it.each([35, 63, 96, 127])('takes Opus as payload type %i', (payloadType) => {
  expect(publish(withOpusAs(payloadType)).tracks[0]?.payloadType).toBe(payloadType)
})

it.each([64, 72, 95])('does not take Opus as payload type %i', (payloadType) => {
  expect(() => publish(withOpusAs(payloadType))).toThrow(/audio/)
})

it('takes another format of the same m-section instead', () => {
  const offer = withOpusAs(72).replace('SAVPF 72', 'SAVPF 72 0')
  expect(publish(offer).tracks[0]?.codec).toBe('PCMU')
})
