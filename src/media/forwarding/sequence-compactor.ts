/** Numbers a source's packets without those that are not forwarded, so that padding-only packets leave no gap for viewers. */
import type { ExtendedSequenceNumber } from '../rtp/sequence-number.ts'

/*
 A viewer's sequence numbers are the source's, less the packets that nobody is sent. What is left out is the same for all viewers, so
 it is subtracted once per packet of the source, here; each viewer only adds a constant.

   source      100  101  102p 103p 104  (105) 106p 107        p: padding only, (): lost
   left out                1    2                3
   compacted   100  101            102  103          104

 A lost packet keeps its number (103 above), since it may come by retransmission. A padding-only packet takes none as long as no packet
 behind it has been numbered. When it is late (it was lost, and packets behind it were numbered over it), its number has been promised:
 viewers see a gap there and would wait, so that number is filled with an empty packet (`leaveOut` returns false).

 Ranges of left-out packets are kept in order; `after` counts all left-out packets up to the range's end.
 */

/** Ranges that are remembered for late packets: Chromium probes a few times per second, so this is many seconds. */
const maxRanges = 128

/** Compacted numbers keep the source's order and never wrap, so they are extended sequence numbers again. */
export class SequenceCompactor {
  readonly #starts = new Float64Array(maxRanges)
  readonly #ends = new Float64Array(maxRanges)
  readonly #after = new Float64Array(maxRanges)
  #count = 0
  /** Source numbers below this are too old to be numbered: their ranges are forgotten. */
  #floor = 0
  #floorCount = 0
  #highestNumbered = -1

  /** The compacted number of a packet that is to be forwarded; -1 where its number was left out, or is too old to tell. */
  number(sequence: ExtendedSequenceNumber): ExtendedSequenceNumber | -1 {
    const number = this.#lookUp(sequence)
    if (number >= 0 && sequence > this.#highestNumbered) this.#highestNumbered = sequence
    return number
  }

  /**
   * Leaves out a packet that is not forwarded. False where viewers already count on its number: then it must be filled.
   */
  leaveOut(sequence: ExtendedSequenceNumber): boolean {
    if (sequence <= this.#highestNumbered) return this.#lookUp(sequence) < 0
    return this.leaveOutRange(sequence, sequence)
  }

  /** Leaves out `first` to `last`, both included, none of which has been numbered. False (and no change) otherwise. */
  leaveOutRange(first: ExtendedSequenceNumber, last: ExtendedSequenceNumber): boolean {
    if (first <= this.#highestNumbered || first < this.#floor) return false
    // Almost always the place is at the end.
    let at = this.#count
    while (at > 0 && this.#starts[at - 1]! > last) at--
    if (at > 0 && this.#ends[at - 1]! >= first) return true
    const length = last - first + 1
    if (at > 0 && this.#ends[at - 1]! === first - 1) {
      at--
      this.#ends[at] = last
    } else if (at < this.#count && this.#starts[at]! === last + 1) {
      this.#starts[at] = first
    } else {
      at = this.#insert(at, first, last)
    }
    for (let i = at; i < this.#count; i++) this.#after[i]! += length
    return true
  }

  #lookUp(sequence: number): ExtendedSequenceNumber | -1 {
    for (let i = this.#count - 1; i >= 0; i--) {
      if (sequence > this.#ends[i]!) return (sequence - this.#after[i]!) as ExtendedSequenceNumber
      if (sequence >= this.#starts[i]!) return -1
    }
    return sequence < this.#floor ? -1 : ((sequence - this.#floorCount) as ExtendedSequenceNumber)
  }

  /** Opens an entry in front of `at`, not yet counted in `after`; returns its index. */
  #insert(at: number, first: number, last: number): number {
    if (this.#count === maxRanges) {
      if (at === 0) return 0
      this.#floor = this.#ends[0]! + 1
      this.#floorCount = this.#after[0]!
      this.#starts.copyWithin(0, 1)
      this.#ends.copyWithin(0, 1)
      this.#after.copyWithin(0, 1)
      this.#count--
      at--
    }
    this.#starts.copyWithin(at + 1, at, this.#count)
    this.#ends.copyWithin(at + 1, at, this.#count)
    this.#after.copyWithin(at + 1, at, this.#count)
    this.#starts[at] = first
    this.#ends[at] = last
    this.#after[at] = at > 0 ? this.#after[at - 1]! : this.#floorCount
    this.#count++
    return at
  }
}
