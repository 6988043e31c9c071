/** One timer for all sessions. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Deadlines, TICK_MS } from '../../src/media/network/deadlines.ts'

class Item {
  deadline: number
  readonly calls: number[] = []
  next = Infinity
  constructor(deadline: number) {
    this.deadline = deadline
  }
  nextTimeoutMs(): number {
    return this.deadline
  }
  handleTimeout(nowMs: number): void {
    this.calls.push(nowMs)
    this.deadline = this.next
  }
}

/** Advances as the engine does: it wakes when it was told to. */
function runUntil(deadlines: Deadlines<Item>, fromMs: number, toMs: number): void {
  for (let now = fromMs; now < toMs;) {
    now = Math.min(now + Math.max(deadlines.untilNextMs(now), 0.5), toMs)
    deadlines.advance(now)
  }
}

it('calls each item once, not before its deadline and at most a tick behind it', () => {
  fc.assert(
    fc.property(
      fc.nat(10_000),
      fc.array(fc.integer({ min: 1, max: 20_000 }), { maxLength: 30 }),
      (start, delays) => {
        const deadlines = new Deadlines<Item>(start)
        const items = delays.map((delay) => new Item(start + delay))
        for (const item of items) deadlines.add(item)
        const wanted = items.map((item) => item.deadline)
        runUntil(deadlines, start, start + 21_000)
        items.forEach((item, i) => {
          expect(item.calls).toHaveLength(1)
          const late = (item.calls[0] as number) - (wanted[i] as number)
          expect(late).toBeGreaterThanOrEqual(0)
          expect(late).toBeLessThanOrEqual(2 * TICK_MS)
        })
        expect(deadlines.untilNextMs(start + 21_000)).toBe(Infinity)
      },
    ),
  )
})

it('follows a deadline that comes nearer, once told', () => {
  const deadlines = new Deadlines<Item>(0)
  const item = new Item(5_000)
  deadlines.add(item)
  item.deadline = 100
  deadlines.update(item)
  runUntil(deadlines, 0, 200)
  expect(item.calls).toHaveLength(1)
})

it('follows a deadline that moved away, without being told', () => {
  const deadlines = new Deadlines<Item>(0)
  const item = new Item(50)
  deadlines.add(item)
  item.deadline = 300
  runUntil(deadlines, 0, 290)
  expect(item.calls).toEqual([])
  runUntil(deadlines, 290, 400)
  expect(item.calls).toHaveLength(1)
})

it('calls a repeating item at every deadline', () => {
  const deadlines = new Deadlines<Item>(0)
  const item = new Item(20)
  item.handleTimeout = function (this: Item, nowMs: number) {
    this.calls.push(nowMs)
    this.deadline = nowMs + 20
  }
  deadlines.add(item)
  runUntil(deadlines, 0, 1_000)
  expect(item.calls.length).toBeGreaterThanOrEqual(35)
  expect(item.calls.length).toBeLessThanOrEqual(50)
})

it('does not call what was removed', () => {
  const deadlines = new Deadlines<Item>(0)
  const [kept, removed] = [new Item(50), new Item(50)]
  deadlines.add(removed)
  deadlines.add(kept)
  deadlines.remove(removed)
  runUntil(deadlines, 0, 100)
  expect(removed.calls).toEqual([])
  expect(kept.calls).toHaveLength(1)
  expect(deadlines.size).toBe(1)
})

it('calls everything that is due after a stall longer than the wheel', () => {
  const deadlines = new Deadlines<Item>(0)
  const items = [new Item(10), new Item(1_000), new Item(2_500), new Item(9_000)]
  for (const item of items) deadlines.add(item)
  deadlines.advance(60_000)
  runUntil(deadlines, 60_000, 63_000)
  expect(items.map((item) => item.calls.length)).toEqual([1, 1, 1, 1])
})
