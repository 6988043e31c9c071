/** Which of a source's packets to ask for again, and when (generic NACK, RFC 4585 section 6.2.1). */
import type { ExtendedSequenceNumber } from '../rtp/sequence-number.ts'

/** Packets asked for at a time. Losing more at once is a dead network: a keyframe repairs it cheaper. */
export const maxMissing = 512
/** A jump of more packets than this is the sender's doing, not loss: nobody would send so many again. */
export const maxNackableJump = 500
/** Networks swap packets that were sent together; what is behind by less than this is not asked for yet. */
const reorderingToleranceMs = 10
/** Viewers' jitter buffers have gone on by then; with the back-off this is at most ten tries. */
const maxAgeMs = 2_000
const minRetryMs = 20
/** Beyond the round trip: the sender's own pace. FFmpeg answers after about 32 ms. */
const retryMarginMs = 15
const backOff = 1.5

export class NackGenerator {
  // Sorted by sequence number.
  readonly #sequences = new Float64Array(maxMissing)
  readonly #missingSinceMs = new Float64Array(maxMissing)
  readonly #lastAskedMs = new Float64Array(maxMissing)
  readonly #dueMs = new Float64Array(maxMissing)
  readonly #tries = new Uint8Array(maxMissing)
  #count = 0
  #highest = -1
  #nextDueMs = Infinity
  /** Packets that were asked for and never came. */
  givenUp = 0

  /** Takes note of a packet (repaired or not). Returns the round-trip time that its repair shows, in ms; -1 where it shows none. */
  receive(sequence: ExtendedSequenceNumber, nowMs: number): number {
    const highest = this.#highest
    if (sequence === highest + 1 || highest < 0) {
      this.#highest = sequence
      return -1
    }
    if (sequence < highest) return this.#found(sequence, nowMs)
    if (sequence === highest) return -1
    this.#highest = sequence
    if (sequence - highest > maxNackableJump) {
      this.#count = 0
      this.#nextDueMs = Infinity
      return -1
    }
    for (let missing = highest + 1; missing < sequence; missing++) this.#add(missing, nowMs)
    return -1
  }

  /** How many packets are missing now. */
  get missing(): number {
    return this.#count
  }

  /** When `collect` has something next; Infinity where nothing is missing. */
  get nextDueMs(): number {
    return this.#nextDueMs
  }

  /** Writes the numbers to ask for now to `out`, sorted, and returns how many. `out` bounds them; the rest stays due. */
  collect(nowMs: number, roundTripTimeMs: number, out: Float64Array): number {
    if (nowMs < this.#nextDueMs) return 0
    let collected = 0
    let kept = 0
    let nextDueMs = Infinity
    for (let i = 0; i < this.#count; i++) {
      const tries = this.#tries[i]!
      let dueMs = this.#dueMs[i]!
      if (dueMs <= nowMs) {
        if (nowMs - this.#missingSinceMs[i]! > maxAgeMs) {
          this.givenUp++
          continue
        }
        if (collected < out.length) {
          out[collected++] = this.#sequences[i]!
          const retryMs = Math.max(minRetryMs, roundTripTimeMs + retryMarginMs) * backOff ** tries
          dueMs = nowMs + retryMs
          this.#tries[i] = tries + 1
          this.#lastAskedMs[i] = nowMs
          this.#dueMs[i] = dueMs
        }
      }
      if (dueMs < nextDueMs) nextDueMs = dueMs
      if (kept !== i) this.#move(i, kept)
      kept++
    }
    this.#count = kept
    this.#nextDueMs = nextDueMs
    return collected
  }

  #add(sequence: number, nowMs: number): void {
    if (this.#count === maxMissing) {
      this.givenUp++
      this.#remove(0)
    }
    const at = this.#count++
    this.#sequences[at] = sequence
    this.#missingSinceMs[at] = nowMs
    this.#dueMs[at] = nowMs + reorderingToleranceMs
    this.#tries[at] = 0
    if (this.#dueMs[at] < this.#nextDueMs) this.#nextDueMs = this.#dueMs[at]
  }

  #found(sequence: number, nowMs: number): number {
    let low = 0
    let high = this.#count - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const candidate = this.#sequences[middle]!
      if (candidate === sequence) {
        // After a second try nobody knows which of them was answered.
        const sample = this.#tries[middle] === 1 ? nowMs - this.#lastAskedMs[middle]! : -1
        this.#remove(middle)
        if (this.#count === 0) this.#nextDueMs = Infinity
        return sample
      }
      if (candidate < sequence) low = middle + 1
      else high = middle - 1
    }
    return -1
  }

  #remove(at: number): void {
    this.#sequences.copyWithin(at, at + 1, this.#count)
    this.#missingSinceMs.copyWithin(at, at + 1, this.#count)
    this.#lastAskedMs.copyWithin(at, at + 1, this.#count)
    this.#dueMs.copyWithin(at, at + 1, this.#count)
    this.#tries.copyWithin(at, at + 1, this.#count)
    this.#count--
  }

  #move(from: number, to: number): void {
    this.#sequences[to] = this.#sequences[from]!
    this.#missingSinceMs[to] = this.#missingSinceMs[from]!
    this.#lastAskedMs[to] = this.#lastAskedMs[from]!
    this.#dueMs[to] = this.#dueMs[from]!
    this.#tries[to] = this.#tries[from]!
  }
}
