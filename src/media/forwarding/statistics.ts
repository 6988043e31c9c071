/** What forwarding knows of a session, for `SessionStatistics` of the contract. */
import type { SessionStatistics } from '../contract.ts'

/**
 * Bytes are those of RTP packets without SRTP's tag. `packetsLost` is what was lost on a publisher's way to us and not
 * repaired, or what a viewer reports. NACKs are counted by packets asked for; `retransmitted` is what a publisher sent again, or what a viewer was sent again.
 */
export interface ForwardingStatistics extends Omit<
  SessionStatistics,
  'session' | 'stream' | 'role' | 'state' | 'remoteAddress'
> {
  /** Packets that were not used, by `DropReason`. */
  readonly dropped: Readonly<Record<string, number>>
}
