import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addTimestamp,
  extendSequenceNumber,
  rollOverCounterOf,
  sequenceDistance,
  timestampDistance,
  toExtendedSequenceNumber,
  toSequenceNumber,
  type ExtendedSequenceNumber,
} from '../../src/media/rtp/sequence-number.ts'
import { seeded } from './packet-bytes.ts'

/** Around 0, the sign bit of 16, 31 and 32 bits, and beyond 32 bits. */
const startingPoints = [
  40_000, 32_767, 32_768, 65_534, 65_535, 65_536, 65_537, 98_303, 131_071, 0x7fff_fffe, 0x7fff_ffff,
  0x8000_0000, 0xffff_fffe, 0xffff_ffff, 0x1_0000_0000, 0x1_0000_8000, 0xffff_ffff_fffe, 0x1_0000_0000_0000,
].map((n) => toExtendedSequenceNumber(0, toSequenceNumber(0)) + n)

/**
 * What arrives, as distances from the start: in order, with a gap, late, twice, and as far off as can be told
 * apart.
 */
const script = [
  0, 1, 2, 5, 3, 4, 5, 100, 99, 101, 32_000, 101, 60_000, 92_767, 60_000, 92_000, 120_000, 150_000,
]

describe.each(startingPoints)('sequence numbers that start at %i', (start) => {
  it('are extended to what was sent, whatever the order they arrive in', () => {
    let highest = start as ExtendedSequenceNumber
    for (const step of script) {
      const sent = start + step
      const extended = extendSequenceNumber(highest, toSequenceNumber(sent))
      expect(extended).toBe(sent)
      if (extended > highest) highest = extended
    }
  })

  it('have the distance that was between them', () => {
    const from = toSequenceNumber(start)
    for (const step of [0, 1, 2, 16, 255, 256, 4_096, 32_767]) {
      expect(sequenceDistance(from, toSequenceNumber(start + step))).toBe(step)
      if (step > 0) expect(sequenceDistance(from, toSequenceNumber(start - step))).toBe(-step)
    }
    expect(sequenceDistance(from, toSequenceNumber(start + 32_768))).toBe(-32_768)
  })

  it('are made of roll-over counter and low bits', () => {
    const n = start as ExtendedSequenceNumber
    expect(toExtendedSequenceNumber(rollOverCounterOf(n), toSequenceNumber(n))).toBe(n)
  })
})

describe('sequence numbers', () => {
  it('are the low 16 bits of negative numbers too', () => {
    expect(toSequenceNumber(-1)).toBe(65_535)
    expect(toSequenceNumber(-65_536)).toBe(0)
    expect(toSequenceNumber(2 ** 48 + 7)).toBe(7)
  })

  it('are never extended below zero', () => {
    const first = toExtendedSequenceNumber(0, toSequenceNumber(3))
    expect(extendSequenceNumber(first, toSequenceNumber(65_530))).toBe(65_530)
  })

  it('are extended to the nearest number there is', () => {
    const cases = fc.tuple(fc.nat(2 ** 40), fc.nat(0xffff))
    fc.assert(
      fc.property(cases, ([reference, low]) => {
        const base = Math.floor(reference / 65_536)
        const candidates = [base - 1, base, base + 1].map((turn) => turn * 65_536 + low).filter((n) => n >= 0)
        const nearest = Math.min(...candidates.map((n) => Math.abs(n - reference)))
        const extended = extendSequenceNumber(reference as ExtendedSequenceNumber, toSequenceNumber(low))
        expect(extended % 65_536).toBe(low)
        expect(Math.abs(extended - reference)).toBe(nearest)
      }),
      seeded,
    )
  })
})

describe.each([0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_ffff])(
  'timestamps that start at %i',
  (start) => {
    it('have the distance that was between them', () => {
      for (const ticks of [0, 1, 3_000, 90_000, 0x7fff_ffff, -1, -3_000, -0x8000_0000]) {
        const to = addTimestamp(start, ticks)
        expect(to).toBeGreaterThanOrEqual(0)
        expect(to).toBeLessThan(2 ** 32)
        expect(timestampDistance(start, to)).toBe(ticks)
      }
    })
  },
)
