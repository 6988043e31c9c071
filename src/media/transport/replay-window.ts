/** Which packet indices have been seen (RFC 3711 section 3.3.2): a sliding bitmap under the highest index. */

/**
 * Wide enough that a retransmission half a second late is no replay at 2,000 packets a second (at least 64 by the RFC). A power of 2.
 */
export const REPLAY_WINDOW_PACKETS = 1024

export class ReplayWindow {
  readonly #bits = new Uint32Array(REPLAY_WINDOW_PACKETS / 32)
  /** Highest index seen, -1 before the first. */
  highest = -1

  /** True where a packet of this index must not be taken: seen before, or too old to tell. */
  isReplay(index: number): boolean {
    if (index > this.highest) return false
    if (this.highest - index >= REPLAY_WINDOW_PACKETS) return true
    const slot = index % REPLAY_WINDOW_PACKETS
    return (((this.#bits[slot >>> 5] as number) >>> (slot & 31)) & 1) === 1
  }

  /** Marks an index whose packet was authenticated. */
  add(index: number): void {
    if (index > this.highest) {
      const advance = index - this.highest
      if (advance >= REPLAY_WINDOW_PACKETS) this.#bits.fill(0)
      else for (let i = this.highest + 1; i < index; i++) this.#clear(i)
      this.highest = index
    }
    const slot = index % REPLAY_WINDOW_PACKETS
    const word = slot >>> 5
    this.#bits[word] = (this.#bits[word] as number) | (1 << (slot & 31))
  }

  #clear(index: number): void {
    const slot = index % REPLAY_WINDOW_PACKETS
    const word = slot >>> 5
    this.#bits[word] = (this.#bits[word] as number) & ~(1 << (slot & 31))
  }
}
