/** The clock of the demo's picture and tone: constant rate, no drift, no bursts. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { startSteadyClock } from '../../src/client/steady-clock.ts'

describe('the steady clock', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  const record = (intervalMs: number) => {
    const ticks: [number, number][] = []
    const stop = startSteadyClock(intervalMs, (number, elapsedMs) => ticks.push([number, elapsedMs]))
    return { ticks, stop }
  }

  test('ticks at start + n * interval, without accumulating the fractions that timers round away', () => {
    const { ticks, stop } = record(1_000 / 30)
    vi.advanceTimersByTime(60_000)
    stop()
    expect(ticks.length).toBeGreaterThanOrEqual(1_800)
    expect(ticks.length).toBeLessThanOrEqual(1_801)
    expect(ticks.map(([number]) => number)).toEqual(ticks.map((_, index) => index))
    expect(ticks[900]?.[1]).toBeCloseTo(30_000, 6)
  })

  test('catches up after a short delay, each tick with the time it stands for', () => {
    const { ticks, stop } = record(10)
    vi.advanceTimersByTime(0)
    const before = ticks.length
    advanceClockOnly(45)
    vi.advanceTimersByTime(10)
    stop()
    expect(ticks.slice(before).map(([, elapsedMs]) => elapsedMs)).toEqual([10, 20, 30, 40, 50])
  })

  test('skips what it missed after a long stall, instead of sending a burst', () => {
    const { ticks, stop } = record(10)
    vi.advanceTimersByTime(0)
    const before = ticks.length
    advanceClockOnly(5_000)
    vi.advanceTimersByTime(10)
    stop()
    expect(ticks.length - before).toBeLessThanOrEqual(2)
    expect(ticks.at(-1)?.[1]).toBeGreaterThanOrEqual(5_000)
  })

  test('is silent once stopped', () => {
    const { ticks, stop } = record(10)
    vi.advanceTimersByTime(50)
    stop()
    const count = ticks.length
    vi.advanceTimersByTime(1_000)
    expect(ticks).toHaveLength(count)
  })

  /** Time passes, yet no timer runs: the process was busy. */
  function advanceClockOnly(ms: number): void {
    const now = performance.now.bind(performance)
    vi.spyOn(performance, 'now').mockImplementation(() => now() + ms)
  }
  afterEach(() => void vi.restoreAllMocks())
})
