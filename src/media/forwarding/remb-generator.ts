/** An upper bound for publishers that know REMB but not transport-wide feedback (draft-alvestrand-rmcat-remb-03), driven by loss. */

const intervalMs = 1_000
/** The bounds of libwebrtc's loss-based control: below the lower one there is room, above the upper one too much is sent. */
const lowLoss = 0.02
const highLoss = 0.1
/** Per second. From the start bit rate this reaches 20 Mbit/s in 8 s. */
const growth = 1.5
const startBitrate = 1_000_000
/** Enough for a picture and for the sender to find out that things are better again. */
const minBitrate = 100_000

export class RembGenerator {
  readonly #maxBitrate: number
  #bitsPerSecond: number
  #nextMs = Infinity
  #lastMs = 0
  #expectedPrior = 0
  #lostPrior = 0
  #bytesPrior = 0

  constructor(maxBitrate: number) {
    this.#maxBitrate = maxBitrate
    this.#bitsPerSecond = Math.min(startBitrate, maxBitrate)
  }

  get bitsPerSecond(): number {
    return this.#bitsPerSecond
  }

  /** The first packet came. */
  start(nowMs: number): void {
    this.#lastMs = nowMs
    this.#nextMs = nowMs
  }

  get nextTimeoutMs(): number {
    return this.#nextMs
  }

  /** The bound to send now, in bits per second, from what all sources have received since the start. */
  update(expected: number, lost: number, bytes: number, nowMs: number): number {
    const elapsedMs = nowMs - this.#lastMs
    const intervalExpected = expected - this.#expectedPrior
    const loss = intervalExpected > 0 ? (lost - this.#lostPrior) / intervalExpected : 0
    const received = elapsedMs > 0 ? ((bytes - this.#bytesPrior) * 8000) / elapsedMs : 0
    // The first call only tells the start bit rate.
    if (elapsedMs > 0) this.#bitsPerSecond = this.#next(loss, received)
    this.#expectedPrior = expected
    this.#lostPrior = lost
    this.#bytesPrior = bytes
    this.#lastMs = nowMs
    this.#nextMs = nowMs + intervalMs
    return this.#bitsPerSecond
  }

  #next(loss: number, received: number): number {
    if (loss < lowLoss) return Math.min(this.#maxBitrate, this.#bitsPerSecond * growth)
    if (loss <= highLoss) return this.#bitsPerSecond
    const reduced = Math.min(this.#bitsPerSecond, received) * (1 - loss / 2)
    return Math.min(this.#maxBitrate, Math.max(minBitrate, reduced))
  }
}
