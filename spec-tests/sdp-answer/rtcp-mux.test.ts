/** RFC 9725 section 4.4.1: RTP and RTCP share a port, and every bundled m-section says that they always will. */
import { expect, it } from 'vitest'
import { publish, publishOffers, readOffer } from '../sdp-offers/offers.ts'

it.each(publishOffers)('the answer to %s has rtcp-mux and rtcp-mux-only in every m-section', (name) => {
  const { answer } = publish(readOffer(name))
  const sections = answer.split('\r\nm=').slice(1)
  expect(sections.length).toBeGreaterThan(0)
  for (const section of sections) {
    expect(section).toContain('\r\na=rtcp-mux\r\n')
    expect(section).toContain('\r\na=rtcp-mux-only\r\n')
  }
})
