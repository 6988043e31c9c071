import { describe, expect, it } from 'vitest'
import { ReceiveStatistics } from '../../src/media/forwarding/receive-statistics.ts'
import type { ExtendedSequenceNumber } from '../../src/media/rtp/sequence-number.ts'
import { startingSequenceNumbers } from './harness.ts'

const seq = (n: number) => n as ExtendedSequenceNumber

describe('receive statistics (RFC 3550 appendix A.3 and A.8)', () => {
  it.each(startingSequenceNumbers)(
    'count loss since the start and since the last report, from %i on',
    (start) => {
      const statistics = new ReceiveStatistics(90_000)
      for (let i = 0; i < 100; i++) if (i % 4 !== 3) statistics.receive(seq(start + i), i * 3000, i * 33)
      // The last one, 99, is missing, but nobody knows of it yet.
      expect(statistics.expected).toBe(99)
      expect(statistics.cumulativeLost).toBe(24)
      expect(statistics.takeFractionLost()).toBe(Math.floor((24 * 256) / 99))
      expect(statistics.extendedHighestSequenceNumber).toBe(start + 98)
      statistics.receive(seq(start + 99), 0, 0)
      expect(statistics.takeFractionLost()).toBe(0)
      expect(statistics.cumulativeLost).toBe(24)
    },
  )

  it('lets duplicates make the loss negative, and the fraction zero', () => {
    const statistics = new ReceiveStatistics(90_000)
    for (const n of [1, 2, 2, 2]) statistics.receive(seq(n), 0, 0)
    expect(statistics.cumulativeLost).toBe(-2)
    expect(statistics.takeFractionLost()).toBe(0)
  })

  it('finds no jitter in an even flow, across a wrap of the timestamp', () => {
    const statistics = new ReceiveStatistics(90_000)
    for (let i = 0; i < 50; i++) statistics.receive(seq(i), (0xffff_ff00 + i * 900) >>> 0, i * 10)
    expect(statistics.jitter).toBe(0)
  })

  it('approaches the mean deviation', () => {
    const statistics = new ReceiveStatistics(90_000)
    // Every other packet comes 4 ms late: each difference deviates by 4 ms = 360 ticks.
    for (let i = 0; i < 200; i++) statistics.receive(seq(i), i * 900, i * 10 + (i % 2) * 4)
    expect(statistics.jitter).toBeGreaterThanOrEqual(355)
    expect(statistics.jitter).toBeLessThanOrEqual(360)
  })

  it('repeats the middle of the last sender report and tells its age', () => {
    const statistics = new ReceiveStatistics(90_000)
    expect(statistics.lastSenderReport).toBe(0)
    expect(statistics.delaySinceLastSenderReport(5)).toBe(0)
    statistics.receiveSenderReport(0xb705_2000, 0x8765_4321, 1_000)
    expect(statistics.lastSenderReport).toBe(0x2000_8765)
    expect(statistics.delaySinceLastSenderReport(3_500)).toBe(2.5 * 65_536)
  })
})
