/** The lossy link of the tests is itself tested: its rates are what they say, and a seed always gives the same link. */
import { describe, expect, test } from 'vitest'
import { createRandom } from '../support/random.ts'
import { decideFate, perfectLink, type Impairment } from '../support/udp-impairment.ts'

const rtp = Uint8Array.of(0x80, 96)
const stun = Uint8Array.of(0x00, 0x01)
const dtls = Uint8Array.of(0x16, 0xfe)

const draw = (impairment: Impairment, count: number, seed = 1) => {
  const random = createRandom(seed)
  return Array.from({ length: count }, () => decideFate(rtp, impairment, random))
}

describe('the impairment of a link', () => {
  test('loses, duplicates and holds back at the rates that were asked for', () => {
    const fates = draw({ lossRate: 0.05, duplicateRate: 0.1, reorderRate: 0.2 }, 20_000)
    const delivered = fates.filter(({ copiesAfterMs }) => copiesAfterMs.length > 0)
    expect(1 - delivered.length / fates.length).toBeCloseTo(0.05, 2)
    const rate = (count: number) => count / delivered.length
    expect(rate(delivered.filter(({ copiesAfterMs }) => copiesAfterMs.length === 2).length)).toBeCloseTo(
      0.1,
      1.5,
    )
    expect(rate(delivered.filter(({ reordered }) => reordered).length)).toBeCloseTo(0.2, 2)
  })

  test('is the same for the same seed and another one for another seed', () => {
    const impairment = { lossRate: 0.3 }
    expect(draw(impairment, 200, 7)).toEqual(draw(impairment, 200, 7))
    expect(draw(impairment, 200, 7)).not.toEqual(draw(impairment, 200, 8))
  })

  test('of loss hits the same datagrams whatever the other rates are', () => {
    const lost = (impairment: Impairment) =>
      draw(impairment, 500).map(({ copiesAfterMs }) => copiesAfterMs.length === 0)
    expect(lost({ lossRate: 0.1 })).toEqual(lost({ lossRate: 0.1, reorderRate: 0.5, duplicateRate: 0.5 }))
  })

  test('holds back only what is reordered, on top of the delay of all', () => {
    const fates = draw({ reorderRate: 0.5, reorderDelayMs: 20, delayMs: 5 }, 100)
    for (const { copiesAfterMs, reordered } of fates) expect(copiesAfterMs).toEqual([reordered ? 25 : 5])
  })

  test('spares STUN and DTLS where only media is to suffer', () => {
    const impairment = { lossRate: 1, delayMs: 3, mediaOnly: true }
    const random = createRandom(1)
    expect(decideFate(stun, impairment, random).copiesAfterMs).toEqual([3])
    expect(decideFate(dtls, impairment, random).copiesAfterMs).toEqual([3])
    expect(decideFate(rtp, impairment, random).copiesAfterMs).toEqual([])
  })

  test('of a perfect link is none', () => {
    expect(draw(perfectLink, 50)).toEqual(Array(50).fill({ copiesAfterMs: [0], reordered: false }))
  })
})
