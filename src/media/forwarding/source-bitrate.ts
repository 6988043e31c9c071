/** How much an encoding sends now, and whether it sends at all. */

/** Longer than keyframes make the rate uneven, shorter than people wait for a better picture. */
const windowMs = 1_000

export class SourceBitrate {
  #bytes = 0
  #windowStartMs = -Infinity
  #bitsPerSecond = 0
  lastPacketMs = -Infinity

  receive(bytes: number, nowMs: number): void {
    const elapsedMs = nowMs - this.#windowStartMs
    if (elapsedMs >= windowMs) {
      // Also the very first packet, whose window has no start: the rate is 0 then.
      const latest = (this.#bytes * 8000) / elapsedMs
      this.#bitsPerSecond = this.#bitsPerSecond === 0 ? latest : (this.#bitsPerSecond + latest) / 2
      this.#windowStartMs = nowMs
      this.#bytes = 0
    }
    this.#bytes += bytes
    this.lastPacketMs = nowMs
  }

  /** 0 during the first second. */
  get bitsPerSecond(): number {
    return this.#bitsPerSecond
  }
}
