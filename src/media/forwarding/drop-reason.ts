/** Why a packet was not used: every drop in forwarding is counted under one of these. */

export const dropReasons = [
  /** The padding count is impossible (RFC 3550 section 5.1). */
  'damaged-padding',
  /** An SSRC that belongs to no track, or one more than are looked after. */
  'unknown-ssrc',
  /** An SSRC that its publisher has replaced by another. */
  'retired-ssrc',
  /** A payload type that was not negotiated for this SSRC. */
  'unexpected-payload-type',
  /** Bandwidth probes that carry nothing. */
  'padding-only',
  /** An RTX packet for a source that has sent nothing yet. */
  'premature-rtx',
  'duplicate',
  /** Older than anything that viewers could still use. */
  'too-late',
  /** Longer than the packets that are kept and sent. */
  'oversize',
  /** The pool of packet memory is used up. */
  'no-memory',
  /** Gone from a packet store that is too small for one batch of arrivals. */
  'overwritten',
  /** A viewer's send buffer was full. */
  'send-buffer-full',
  /** A viewer asked for a packet that is no longer kept. */
  'retransmission-unavailable',
  /** A viewer asked again before the last retransmission can have arrived. */
  'retransmission-too-soon',
  /** A viewer asked for more than its share. */
  'retransmission-budget',
  /** RTCP that could not be read to its end. */
  'malformed-rtcp',
] as const

export type DropReason = (typeof dropReasons)[number]

/** Counts drops by reason. */
export class DropCounters {
  readonly #counts = new Map<DropReason, number>()

  count(reason: DropReason): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1)
  }

  of(reason: DropReason): number {
    return this.#counts.get(reason) ?? 0
  }

  /** The reasons that occurred. */
  toRecord(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts)
  }
}
