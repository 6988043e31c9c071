/** Keeps a viewer's NACKs from being answered too often, and from costing more than their share. */

/** A power of two. More packets than that are not in flight within one interval. */
const slots = 256
/** Below this a second NACK for the same packet crossed the first retransmission, whatever the round trip. */
const minIntervalMs = 20

/** How soon a track's packet may be sent again. Memory is taken when the first NACK comes: most viewers send none. */
export class RepetitionLimiter {
  #numbers: Float64Array | undefined
  #sentMs: Float64Array | undefined

  /** Whether packet `number` may be sent again now. */
  mayTake(number: number, roundTripTimeMs: number, nowMs: number): boolean {
    if (this.#numbers === undefined || this.#sentMs === undefined) return true
    const at = number & (slots - 1)
    if (this.#numbers[at] !== number) return true
    return nowMs - this.#sentMs[at]! >= Math.max(minIntervalMs, roundTripTimeMs)
  }

  /** Takes note that it was sent again. */
  take(number: number, nowMs: number): void {
    const numbers = (this.#numbers ??= new Float64Array(slots).fill(-1))
    const sentMs = (this.#sentMs ??= new Float64Array(slots))
    const at = number & (slots - 1)
    numbers[at] = number
    sentMs[at] = nowMs
  }
}

/** A viewer's allowance: a share of what is forwarded to it may be sent again, and one burst at the start. */
export class RetransmissionBudget {
  readonly #share: number
  readonly #burstBytes: number
  #bytes: number
  #forwardedPrior = 0

  constructor(share: number, burstBytes: number) {
    this.#share = share
    this.#burstBytes = burstBytes
    this.#bytes = burstBytes
  }

  /** Takes `bytes` off, where so many are left; `forwardedBytes` is all that the viewer was sent so far. */
  take(bytes: number, forwardedBytes: number): boolean {
    const earned = (forwardedBytes - this.#forwardedPrior) * this.#share
    this.#forwardedPrior = forwardedBytes
    this.#bytes = Math.min(this.#burstBytes, this.#bytes + earned)
    if (bytes > this.#bytes) return false
    this.#bytes -= bytes
    return true
  }
}
