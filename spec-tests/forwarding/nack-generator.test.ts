import { describe, expect, it } from 'vitest'
import { maxMissing, NackGenerator } from '../../src/media/forwarding/nack-generator.ts'
import type { ExtendedSequenceNumber } from '../../src/media/rtp/sequence-number.ts'
import { startingSequenceNumbers } from './harness.ts'

const seq = (n: number) => n as ExtendedSequenceNumber

function collect(generator: NackGenerator, nowMs: number, roundTripTimeMs = 50, room = 250): number[] {
  const out = new Float64Array(room)
  const count = generator.collect(nowMs, roundTripTimeMs, out)
  return [...out.subarray(0, count)]
}

function receiveAll(generator: NackGenerator, numbers: readonly number[], nowMs = 0): void {
  for (const number of numbers) generator.receive(seq(number), nowMs)
}

describe('generic NACK', () => {
  it.each(startingSequenceNumbers)(
    'asks for what is missing once swapping is ruled out, from %i on',
    (start) => {
      const generator = new NackGenerator()
      receiveAll(generator, [start, start + 1, start + 4, start + 6])
      expect(generator.nextDueMs).toBe(10)
      expect(collect(generator, 9)).toEqual([])
      generator.receive(seq(start + 3), 9)
      expect(collect(generator, 10)).toEqual([start + 2, start + 5])
    },
  )

  it('asks for nothing in front of the first packet', () => {
    const generator = new NackGenerator()
    receiveAll(generator, [100, 98, 99, 101])
    expect(generator.missing).toBe(0)
    expect(generator.nextDueMs).toBe(Infinity)
  })

  it('repeats after the round trip, later each time, and gives up', () => {
    const generator = new NackGenerator()
    receiveAll(generator, [1, 3])
    const asked: number[] = []
    for (let nowMs = 0; nowMs < 10_000; nowMs++) if (collect(generator, nowMs).length > 0) asked.push(nowMs)
    expect(asked[0]).toBe(10)
    const waits = asked.slice(1).map((at, i) => at - (asked[i] ?? 0))
    expect(waits[0]).toBe(65)
    waits.slice(1).forEach((wait, i) => expect(wait).toBeGreaterThan(waits[i] ?? 0))
    expect(asked.length).toBeLessThanOrEqual(10)
    expect(asked[asked.length - 1]).toBeLessThanOrEqual(2_000)
    expect(generator.missing).toBe(0)
    expect(generator.givenUp).toBe(1)
    expect(generator.nextDueMs).toBe(Infinity)
  })

  it('tells the round-trip time of a packet that was asked for once', () => {
    const generator = new NackGenerator()
    receiveAll(generator, [1, 3, 5])
    collect(generator, 10)
    expect(generator.receive(seq(2), 47)).toBe(37)
    collect(generator, 80)
    // Nobody knows which of the two requests was answered.
    expect(generator.receive(seq(4), 120)).toBe(-1)
    expect(generator.missing).toBe(0)
  })

  it('starts anew after a jump', () => {
    const generator = new NackGenerator()
    receiveAll(generator, [1, 3, 1_000])
    expect(generator.missing).toBe(0)
    expect(generator.nextDueMs).toBe(Infinity)
    receiveAll(generator, [1_002])
    expect(collect(generator, 10)).toEqual([1_001])
  })

  it('keeps a bounded list, and the newest of it', () => {
    const generator = new NackGenerator()
    for (let i = 0; i < 4; i++) generator.receive(seq(i * 400), 0)
    expect(generator.missing).toBe(maxMissing)
    const asked: number[] = []
    for (let part = collect(generator, 10); part.length > 0; part = collect(generator, 10))
      asked.push(...part)
    expect(asked).toHaveLength(maxMissing)
    expect(asked[asked.length - 1]).toBe(1_199)
    expect([...asked].sort((a, b) => a - b)).toEqual(asked)
  })

  it('forgets what came, wherever it stands in the list', () => {
    const generator = new NackGenerator()
    receiveAll(generator, [0, 10])
    receiveAll(generator, [5, 1, 9, 5])
    expect(collect(generator, 10)).toEqual([2, 3, 4, 6, 7, 8])
  })
})
