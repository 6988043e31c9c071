/** One timer for all sessions: a wheel of slots, so that thousands of deadlines cost one wake-up each and no allocation. */

/** Granularity: media deadlines (NACK, feedback, sender reports) are tens of milliseconds or more. */
export const TICK_MS = 5
/** Slots; a deadline further away waits in the last one and is asked for again from there. A power of 2. */
const SLOTS = 512

/** Something with a next deadline. */
export interface Timed {
  /** Monotonic ms; Infinity where there is none. */
  nextTimeoutMs(): number
  handleTimeout(nowMs: number): void
}

interface Entry<T extends Timed> {
  readonly item: T
  /** The tick it waits for; Infinity while it waits for nothing. */
  tick: number
}

export class Deadlines<T extends Timed> {
  readonly #entries = new Map<T, Entry<T>>()
  readonly #slots: Entry<T>[][] = Array.from({ length: SLOTS }, () => [])
  /** The last tick that has been handled. */
  #tick: number

  constructor(nowMs: number) {
    this.#tick = Math.floor(nowMs / TICK_MS)
  }

  get size(): number {
    return this.#entries.size
  }

  add(item: T): void {
    this.#entries.set(item, { item, tick: Infinity })
    this.update(item)
  }

  remove(item: T): void {
    const entry = this.#entries.get(item)
    if (entry === undefined) return
    entry.tick = Infinity // its slot forgets it when it is next looked at
    this.#entries.delete(item)
  }

  /** To be called when an item's deadline may have come nearer. One that moved away needs no call. */
  update(item: T): void {
    const entry = this.#entries.get(item)
    if (entry === undefined) return
    const deadline = item.nextTimeoutMs()
    if (deadline === Infinity) return
    const tick = Math.min(Math.max(Math.ceil(deadline / TICK_MS), this.#tick + 1), this.#tick + SLOTS)
    if (tick >= entry.tick) return
    entry.tick = tick
    ;(this.#slots[tick % SLOTS] as Entry<T>[]).push(entry)
  }

  /** Calls `handleTimeout` on every item whose deadline has come. */
  advance(nowMs: number): void {
    const until = Math.floor(nowMs / TICK_MS)
    // After a long stall one turn of the wheel visits every slot.
    if (until - this.#tick > SLOTS) this.#tick = until - SLOTS
    while (this.#tick < until) {
      this.#tick++
      const slot = this.#slots[this.#tick % SLOTS] as Entry<T>[]
      if (slot.length === 0) continue
      const due = slot.splice(0)
      for (const entry of due) {
        if (entry.tick > this.#tick) continue // removed, or moved to an earlier slot and handled there
        entry.tick = Infinity
        if (!this.#entries.has(entry.item)) continue
        if (entry.item.nextTimeoutMs() <= nowMs) entry.item.handleTimeout(nowMs)
        this.update(entry.item)
      }
    }
  }

  /** Ms from `nowMs` to the next deadline; Infinity where there is none. */
  untilNextMs(nowMs: number): number {
    for (let tick = this.#tick + 1; tick <= this.#tick + SLOTS; tick++) {
      if ((this.#slots[tick % SLOTS] as Entry<T>[]).length > 0) return Math.max(tick * TICK_MS - nowMs, 0)
    }
    return Infinity
  }
}
