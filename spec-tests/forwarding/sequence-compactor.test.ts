import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SequenceCompactor } from '../../src/media/forwarding/sequence-compactor.ts'
import type { ExtendedSequenceNumber } from '../../src/media/rtp/sequence-number.ts'

const seq = (n: number) => n as ExtendedSequenceNumber

describe('sequence numbers without padding-only packets', () => {
  it('are the source numbers while nothing is left out', () => {
    const compactor = new SequenceCompactor()
    expect([7, 8, 10, 9].map((n) => compactor.number(seq(n)))).toEqual([7, 8, 10, 9])
  })

  it('close the gap of padding that comes in order', () => {
    const compactor = new SequenceCompactor()
    compactor.number(seq(100))
    expect(compactor.leaveOut(seq(101))).toBe(true)
    expect(compactor.leaveOut(seq(102))).toBe(true)
    expect(compactor.number(seq(103))).toBe(101)
    expect(compactor.number(seq(102))).toBe(-1)
  })

  it('keep the gap of a lost packet in front of padding', () => {
    const compactor = new SequenceCompactor()
    compactor.number(seq(100))
    compactor.leaveOut(seq(102))
    expect(compactor.number(seq(103))).toBe(102)
    expect(compactor.number(seq(101))).toBe(101)
  })

  it('leave out padding that is swapped with other padding', () => {
    const compactor = new SequenceCompactor()
    compactor.number(seq(100))
    expect(compactor.leaveOut(seq(103))).toBe(true)
    expect(compactor.leaveOut(seq(101))).toBe(true)
    expect(compactor.leaveOut(seq(102))).toBe(true)
    expect(compactor.number(seq(104))).toBe(101)
  })

  it('count on the number of padding that comes behind what it preceded', () => {
    const compactor = new SequenceCompactor()
    compactor.number(seq(100))
    compactor.number(seq(102))
    expect(compactor.leaveOut(seq(101))).toBe(false)
    expect(compactor.number(seq(101))).toBe(101)
  })

  it('close a jump of the source', () => {
    const compactor = new SequenceCompactor()
    compactor.number(seq(100))
    expect(compactor.leaveOutRange(seq(101), seq(9_999))).toBe(true)
    expect(compactor.number(seq(10_000))).toBe(101)
    expect(compactor.number(seq(5_000))).toBe(-1)
  })

  it('forget ranges in the far past, and then give no number there', () => {
    const compactor = new SequenceCompactor()
    for (let n = 0; n < 1_000; n += 2) {
      expect(compactor.number(seq(n))).toBe(n / 2)
      expect(compactor.leaveOut(seq(n + 1))).toBe(true)
    }
    expect(compactor.number(seq(10))).toBe(-1)
    expect(compactor.leaveOut(seq(11))).toBe(true)
    expect(compactor.number(seq(998))).toBe(499)
    expect(compactor.number(seq(800))).toBe(400)
  })

  it('never give a number twice, and rise with the source, whatever order packets come in', () => {
    const packet = fc.record({ isPadding: fc.boolean(), delay: fc.nat(12) })
    fc.assert(
      fc.property(fc.array(packet, { minLength: 1, maxLength: 200 }), fc.nat(70_000), (packets, start) => {
        const compactor = new SequenceCompactor()
        const numbers = new Map<number, number>()
        const arrivals = packets
          .map(({ isPadding, delay }, i) => ({ isPadding, sequence: start + i, at: i + delay }))
          .sort((a, b) => a.at - b.at)
        for (const { isPadding, sequence } of arrivals) {
          if (isPadding && compactor.leaveOut(seq(sequence))) continue
          numbers.set(sequence, compactor.number(seq(sequence)))
        }
        const inOrder = [...numbers].sort(([a], [b]) => a - b).map(([, number]) => number)
        // All came, so there is no gap.
        inOrder.forEach((number, i) => expect(number).toBe((inOrder[0] ?? 0) + i))
      }),
      { numRuns: 300, seed: 7 },
    )
  })
})
