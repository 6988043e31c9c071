/** The packets of one publisher that came since the last flush, in order of arrival. */

/** More than one drained batch of a socket; must not exceed the slots of a packet store (`minSlots` there). */
export const maxArrivals = 512

export class ArrivalQueue {
  /** Index of the source among the publisher's. */
  readonly sources = new Int32Array(maxArrivals)
  /** Slot in that source's packet store. */
  readonly slots = new Int32Array(maxArrivals)
  /** What the slot held then: with a very small store it may have been overwritten since. */
  readonly numbers = new Float64Array(maxArrivals)
  count = 0

  get isFull(): boolean {
    return this.count === maxArrivals
  }

  /** Must not be full. */
  push(source: number, slot: number, number: number): void {
    this.sources[this.count] = source
    this.slots[this.count] = slot
    this.numbers[this.count] = number
    this.count++
  }

  /** Moves an entry forward to index `to`, over one that is not needed. */
  move(from: number, to: number): void {
    if (from === to) return
    this.sources[to] = this.sources[from]!
    this.slots[to] = this.slots[from]!
    this.numbers[to] = this.numbers[from]!
  }

  clear(): void {
    this.count = 0
  }
}
