/** What a datagram on the shared port is, by its first bytes (RFC 7983 section 7, RFC 5761 section 4). */

export type DatagramClass = 'stun' | 'dtls' | 'rtp' | 'rtcp' | 'unknown'

/** @param first the datagram's first byte; @param second its second byte, which tells RTCP from RTP. */
export function classifyDatagram(first: number, second: number): DatagramClass {
  if (first >= 128 && first <= 191) return second >= 192 && second <= 223 ? 'rtcp' : 'rtp'
  if (first <= 3) return 'stun'
  if (first >= 20 && first <= 63) return 'dtls'
  return 'unknown'
}
