import { describe, expect, it } from 'vitest'
import { RembGenerator } from '../../src/media/forwarding/remb-generator.ts'

function start(maxBitrate: number): RembGenerator {
  const generator = new RembGenerator(maxBitrate)
  generator.start(0)
  return generator
}

describe('REMB', () => {
  it('is due at once and then every second', () => {
    const generator = new RembGenerator(5_000_000)
    expect(generator.nextTimeoutMs).toBe(Infinity)
    generator.start(100)
    expect(generator.nextTimeoutMs).toBe(100)
    expect(generator.update(1, 0, 1_000, 100)).toBe(1_000_000)
    expect(generator.nextTimeoutMs).toBe(1_100)
  })

  it('rises to the bound while nothing is lost', () => {
    const generator = start(5_000_000)
    generator.update(0, 0, 0, 0)
    let last = 0
    for (let second = 1; second <= 10; second++) {
      const next = generator.update(second * 100, second, second * 100_000, second * 1_000)
      expect(next).toBeGreaterThanOrEqual(last)
      last = next
    }
    expect(last).toBe(5_000_000)
  })

  it('never exceeds a bound below its start', () => {
    const generator = start(300_000)
    expect(generator.update(0, 0, 0, 0)).toBe(300_000)
    expect(generator.update(100, 0, 100_000, 1_000)).toBe(300_000)
  })

  it('falls below what is received when more than a tenth is lost, and stays between', () => {
    const generator = start(5_000_000)
    generator.update(0, 0, 0, 0)
    generator.update(100, 0, 250_000, 1_000)
    const between = generator.update(200, 5, 500_000, 2_000)
    expect(between).toBe(1_500_000)
    // 20 % lost, 1 Mbit/s received.
    expect(generator.update(300, 25, 625_000, 3_000)).toBe(900_000)
  })
})
