import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { packetFlags, PacketStore, storeFailure } from '../../src/media/forwarding/packet-store.ts'
import { createRtpHeader } from '../../src/media/rtp/rtp-header.ts'
import type { ExtendedSequenceNumber } from '../../src/media/rtp/sequence-number.ts'
import { FakePool, startingSequenceNumbers } from './harness.ts'

const noExtensions = new Uint8Array(0)

function put(store: PacketStore, number: number, length = 100, nowMs = 0, flags = 0): number {
  const bytes = new Uint8Array(length + 8).fill(number & 0xff)
  const header = { ...createRtpHeader(), payloadOffset: 8, payloadLength: length, timestamp: number * 10 }
  return store.put(number as ExtendedSequenceNumber, bytes, header, noExtensions, 0, flags, nowMs)
}

function payloadOf(store: PacketStore, slot: number): Uint8Array {
  const offset = store.payloadOffsets[slot] ?? 0
  return store.memoryOf(slot).bytes.subarray(offset, offset + (store.payloadLengths[slot] ?? 0))
}

describe('packet store', () => {
  it.each(startingSequenceNumbers)('finds what was put, whatever the order, from %i on', (start) => {
    const store = new PacketStore(new FakePool(), 1024 * 1024, 10_000)
    const numbers = Array.from({ length: 500 }, (_, i) => start + (i ^ 1))
    for (const number of numbers) expect(put(store, number)).toBeGreaterThanOrEqual(0)
    for (const number of numbers) {
      const slot = store.find(number)
      expect(slot).toBeGreaterThanOrEqual(0)
      expect(store.timestamps[slot]).toBe(number * 10)
      expect(payloadOf(store, slot)).toEqual(new Uint8Array(100).fill(number & 0xff))
    }
    expect(store.find(start + 500)).toBe(-1)
    expect(store.find(start - 1)).toBe(-1)
    expect(store.highestNumber).toBe(start + 499)
  })

  it('takes memory when it is needed, within its bound, and gives it back on close', () => {
    const pool = new FakePool()
    const store = new PacketStore(pool, 256 * 1024, 10_000)
    expect(pool.bytes).toBe(0)
    put(store, 0)
    expect(pool.bytes).toBe(64 * 1024)
    for (let i = 1; i < 2_000; i++) {
      put(store, i, 1_000)
      expect(pool.bytes).toBeLessThanOrEqual(256 * 1024)
      expect(pool.bytes).toBe(store.memoryBytes)
    }
    expect(pool.bytes).toBe(256 * 1024)
    // The newest are there, the oldest have made way.
    expect(store.find(1_999)).toBeGreaterThanOrEqual(0)
    expect(store.find(1_850)).toBeGreaterThanOrEqual(0)
    expect(store.find(1_000)).toBe(-1)
    store.close()
    expect(pool.bytes).toBe(0)
    expect(store.find(1_999)).toBe(-1)
  })

  it('takes over expired blocks instead of new ones, and gives back what a lower bit rate does not need', () => {
    const pool = new FakePool()
    const store = new PacketStore(pool, 1024 * 1024, 1_000)
    for (let i = 0; i < 600; i++) put(store, i, 1_000, i)
    const busy = pool.bytes
    for (let i = 600; i < 1_200; i++) put(store, i, 1_000, i * 20)
    expect(pool.bytes).toBeLessThan(busy)
  })

  it('answers duplicates, late, oversize packets and an exhausted pool as such', () => {
    const pool = new FakePool()
    const store = new PacketStore(pool, 1024 * 1024, 10_000)
    put(store, 5_000)
    expect(put(store, 5_000)).toBe(storeFailure.duplicate)
    expect(put(store, 5_001, 1_501)).toBe(storeFailure.oversize)
    expect(put(store, 5_001, 1_500)).toBeGreaterThanOrEqual(0)
    expect(put(store, 5_000 - 4_096)).toBe(storeFailure.tooLate)
    pool.maxBytes = 0
    const other = new PacketStore(pool, 1024 * 1024, 10_000)
    expect(put(other, 1)).toBe(storeFailure.noMemory)
  })

  it('knows a duplicate even when the bytes of the first one are gone', () => {
    const store = new PacketStore(new FakePool(), 8 * 1024, 10_000)
    for (let i = 0; i < 100; i++) put(store, i, 1_000)
    expect(store.find(50)).toBe(-1)
    expect(put(store, 50, 1_000)).toBe(storeFailure.duplicate)
  })

  it('gets along with the blocks it has when the pool is exhausted', () => {
    const pool = new FakePool()
    pool.maxBytes = 128 * 1024
    const store = new PacketStore(pool, 1024 * 1024, 10_000)
    for (let i = 0; i < 1_000; i++) expect(put(store, i, 1_000)).toBeGreaterThanOrEqual(0)
    expect(store.find(999)).toBeGreaterThanOrEqual(0)
    store.close()
    expect(pool.bytes).toBe(0)
  })

  it('knows where the newest keyframe starts', () => {
    const store = new PacketStore(new FakePool(), 1024 * 1024, 10_000)
    expect(store.lastKeyframeNumber).toBe(-1)
    put(store, 1, 100, 0, packetFlags.keyframe)
    put(store, 2)
    put(store, 9, 100, 0, packetFlags.keyframe)
    put(store, 3, 100, 0, packetFlags.keyframe)
    expect(store.lastKeyframeNumber).toBe(9)
  })

  it('never finds a packet with the bytes of another', () => {
    const operation = fc.record({ step: fc.integer({ min: -30, max: 40 }), length: fc.nat(1_500) })
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 300 }), fc.boolean(), (operations, isSmall) => {
        const pool = new FakePool()
        const store = new PacketStore(pool, isSmall ? 8 * 1024 : 256 * 1024, 500)
        const known = new Map<number, number>()
        let number = 70_000
        operations.forEach(({ step, length }, i) => {
          number = Math.max(0, number + step)
          if (put(store, number, length, i * 10) >= 0) known.set(number, length)
          for (const [each, eachLength] of known) {
            const slot = store.find(each)
            if (slot < 0) continue
            expect(payloadOf(store, slot)).toEqual(new Uint8Array(eachLength).fill(each & 0xff))
          }
        })
        store.close()
        expect(pool.lent.size).toBe(0)
      }),
      { numRuns: 30, seed: 3 },
    )
  })
})
