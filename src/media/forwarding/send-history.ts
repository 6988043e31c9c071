/** What each packet's timestamp and header extensions said, so that a plain retransmission is the same packet bit by bit. */

/*
 SRTP's key stream depends on the sequence number alone. Sending other bytes under the same number, even if only the transport-wide
 sequence number in the header differs, would break it: with AES-GCM two tags under one nonce give the authentication key away
 (RFC 3711 section 9.1, RFC 7714 section 5.1). RTX has numbers of its own and needs none of this.
 */

/** A power of two; 2 s of 2.5 Mbit/s video: players give up a packet long before. */
const slots = 512

export class SendHistory {
  readonly #numbers = new Float64Array(slots).fill(-1)
  readonly timestamps = new Uint32Array(slots)
  readonly transportSequences = new Uint16Array(slots)
  readonly absoluteSendTimes = new Uint32Array(slots)
  readonly withMid = new Uint8Array(slots)

  record(
    number: number,
    timestamp: number,
    transportSequence: number,
    absoluteSendTime: number,
    withMid: boolean,
  ): void {
    const at = number & (slots - 1)
    // A late packet must not take the place of one whose entry may be needed.
    if (number < this.#numbers[at]!) return
    this.#numbers[at] = number
    this.timestamps[at] = timestamp
    this.transportSequences[at] = transportSequence
    this.absoluteSendTimes[at] = absoluteSendTime
    this.withMid[at] = withMid ? 1 : 0
  }

  /** The entry of a number, or -1. */
  find(number: number): number {
    const at = number & (slots - 1)
    return this.#numbers[at] === number ? at : -1
  }

  /** Whether a number was certainly never sent: it has no entry, and none that might have taken its place. */
  isUnsent(number: number): boolean {
    return this.#numbers[number & (slots - 1)]! < number
  }
}
