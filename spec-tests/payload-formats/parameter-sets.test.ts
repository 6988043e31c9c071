import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parameterSetId, visitParameterSets } from '../../src/media/rtp/payload/parameter-sets.ts'

const typesIn = (codec: 'H264' | 'H265', payload: Uint8Array) => {
  const types: number[] = []
  visitParameterSets(codec, payload, 0, payload.length, (type) => types.push(type))
  return types
}

describe('parameter sets', () => {
  it.each<[string, 'H264' | 'H265', number[], number[]]>([
    ['an SPS alone', 'H264', [0x67, 0x42, 0xc0, 0x1f, 0x8c], [7]],
    ['a PPS alone', 'H264', [0x68, 0xce], [8]],
    ['a STAP-A of SPS, PPS and SEI', 'H264', [0x78, 0, 2, 0x67, 0x42, 0, 2, 0x68, 0xce, 0, 2, 6, 5], [7, 8]],
    ['a STAP-A whose second size is wrong', 'H264', [0x78, 0, 2, 0x67, 0x42, 0, 9, 0x68, 0xce], [7]],
    ['an IDR slice', 'H264', [0x65, 0x88], []],
    ['a fragment of an SPS', 'H264', [0x7c, 0x87, 0x42], []],
    ['a VPS alone', 'H265', [0x40, 1, 12], [32]],
    [
      'an AP of VPS, SPS and PPS',
      'H265',
      [0x60, 1, 0, 3, 0x40, 1, 12, 0, 3, 0x42, 1, 1, 0, 3, 0x44, 1, 193],
      [32, 33, 34],
    ],
    ['a slice', 'H265', [0x02, 1, 0xd0], []],
  ])('are found in %s', (_, codec, payload, expected) => {
    expect(typesIn(codec, Uint8Array.from(payload))).toEqual(expected)
  })

  it.each([
    [[0x68, 0b1_0000000], 0],
    [[0x68, 0b010_00000], 1],
    [[0x68, 0b011_00000], 2],
    [[0x68, 0b00100_000], 3],
    [[0x68, 0b00000000, 0b1_0000000, 0b0_0000000], 255],
    [[0x67, 0x42, 0xc0, 0x1f, 0b011_00000], 2],
    [[0x68, 0, 0, 0], 0],
  ])('of H.264 have the id that Exp-Golomb code says: %j', (nalUnit, id) => {
    expect(parameterSetId('H264', Uint8Array.from(nalUnit))).toBe(id)
  })

  it('are looked for in any bytes without reading beyond them', () => {
    const codec = fc.constantFrom('H264' as const, 'H265' as const)
    fc.assert(
      fc.property(
        codec,
        fc.uint8Array({ maxLength: 64 }),
        fc.nat(70),
        fc.nat(70),
        (name, bytes, offset, length) => {
          visitParameterSets(name, bytes, offset, length, (_, at, size) => {
            expect(at).toBeGreaterThanOrEqual(offset)
            expect(at + size).toBeLessThanOrEqual(Math.min(bytes.length, offset + length))
            expect(parameterSetId(name, bytes.subarray(at, at + size))).toBeGreaterThanOrEqual(0)
          })
        },
      ),
    )
  })
})
