/** The gateway's side of a session's transport, and what an offer and this side agree on. */
import type { Fingerprint } from '../media/contract.ts'

export interface GatewayCandidate {
  readonly address: string
  readonly port: number
  readonly family: 4 | 6
}

export interface GatewayTransport {
  /** ICE credentials made for this session (RFC 8445 section 5.3). */
  readonly ufrag: string
  readonly password: string
  readonly fingerprint: Fingerprint
  /**
   * UDP host candidates, at least one, in the order of preference. FFmpeg uses the first and no other: put a
   * reachable IPv4 address there, and loopback last unless it is all there is (libnice fails with 127.0.0.1
   * alone on other machines).
   */
  readonly candidates: readonly GatewayCandidate[]
  /** The number in `o=`: digits, below 2^63 (RFC 9429 section 5.2.1). */
  readonly sdpSessionId: string
}
