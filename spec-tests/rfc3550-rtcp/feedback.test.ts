import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RtcpWriter } from '../../src/media/rtp/rtcp.ts'
import { hex, seeded, toHex } from '../rfc3550-rtp/packet-bytes.ts'
import { read, written } from './recorder.ts'

/** What a NACK that was read asks for. */
function lostNumbers(packet: Uint8Array): number[] {
  const { valid, calls } = read(packet)
  expect(valid).toBe(true)
  return calls.flatMap(([name, , packetId, bitmask]) => {
    expect(name).toBe('onNack')
    const following = Array.from({ length: 16 }, (_, bit) => bit).filter(
      (bit) => ((Number(bitmask) >> bit) & 1) === 1,
    )
    return [Number(packetId), ...following.map((bit) => (Number(packetId) + bit + 1) & 0xffff)]
  })
}

describe('RFC 4585 section 6.2.1: generic NACK', () => {
  it('is read as pairs', () => {
    expect(read(hex('81cd0004 00000001 80000002 fffe8001 00100000'))).toEqual({
      valid: true,
      calls: [
        ['onNack', 0x80000002, 0xfffe, 0x8001],
        ['onNack', 0x80000002, 0x0010, 0],
      ],
    })
  })

  it.each([
    ['one packet', [5], '0005 0000'],
    ['neighbours', [5, 6, 7], '0005 0003'],
    ['the 16th behind the first', [5, 21], '0005 8000'],
    ['the 17th behind the first', [5, 22], '0005 0000 0016 0000'],
    ['numbers across the wrap', [65_534, 65_535, 0, 1], 'fffe 0007'],
    ['extended numbers', [0x1_fffe, 0x2_0000, 0x2_0040], 'fffe 0002 0040 0000'],
    ['a number twice', [5, 5, 6], '0005 0001'],
  ])('packs %s', (_, lost, pairs) => {
    const writer = new RtcpWriter()
    writer.bytes.fill(0xff)
    expect(writer.nack(1, 2, lost, lost.length)).toBe(true)
    const words = (2 + hex(pairs).length / 4).toString(16).padStart(4, '0')
    expect(toHex(written(writer))).toBe(toHex(hex(`81cd${words} 00000001 00000002 ${pairs}`)))
  })

  it('of nothing is not written', () => {
    const writer = new RtcpWriter()
    expect(writer.nack(1, 2, [5], 0)).toBe(false)
    expect(writer.length).toBe(0)
  })

  it.each([
    0,
    1,
    100,
    32_760,
    32_768,
    65_000,
    65_519,
    65_520,
    65_530,
    65_535,
    65_536,
    98_304,
    131_070,
    2 ** 31 - 1,
    2 ** 32 - 1,
    2 ** 40,
  ])('asks for exactly what is lost, from %i on', (start) => {
    const gaps = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(gaps, (steps) => {
        let at = start
        const lost = steps.map((step) => (at += step))
        const writer = new RtcpWriter()
        expect(writer.nack(1, 2, lost, lost.length)).toBe(true)
        expect(lostNumbers(written(writer))).toEqual(lost.map((n) => n % 65_536))
      }),
      { ...seeded, numRuns: 60 },
    )
  })
})

describe('RFC 4585 section 6.3.1: picture loss indication', () => {
  it('reads back as it was written', () => {
    const writer = new RtcpWriter()
    expect(writer.pictureLossIndication(1, 0xfedcba98)).toBe(true)
    expect(toHex(written(writer))).toBe('81ce0002' + '00000001' + 'fedcba98')
    expect(read(written(writer))).toEqual({ valid: true, calls: [['onPictureLossIndication', 0xfedcba98]] })
  })
})

describe('RFC 5104 section 4.3.1: full intra request', () => {
  it('names its source in the entry and not in the header', () => {
    const writer = new RtcpWriter()
    writer.bytes.fill(0xff)
    expect(writer.fullIntraRequest(1, 0xfedcba98, 0x1ff)).toBe(true)
    expect(toHex(written(writer))).toBe('84ce0004' + '00000001' + '00000000' + 'fedcba98' + 'ff000000')
    expect(read(written(writer))).toEqual({ valid: true, calls: [['onFullIntraRequest', 0xfedcba98, 255]] })
  })

  it('ends at an entry that is cut off', () => {
    expect(read(hex('84ce0005 00000001 00000000 00000002 03000000 00000004')).calls).toEqual([
      ['onFullIntraRequest', 2, 3],
    ])
  })

  it('may have several entries', () => {
    expect(read(hex('84ce0006 00000001 00000000 00000002 03000000 00000004 05000000')).calls).toEqual([
      ['onFullIntraRequest', 2, 3],
      ['onFullIntraRequest', 4, 5],
    ])
  })
})

describe('draft-alvestrand-rmcat-remb-03: receiver estimated maximum bitrate', () => {
  it.each([
    [0, 0],
    [1, 1],
    [262_143, 262_143],
    [262_144, 262_144],
    [2_500_000, 2_500_000],
    [262_145, 262_144],
    [8_000_001.5, 8_000_000],
    [2 ** 40 + 1, 2 ** 40],
  ])('of %d bit/s says %d', (bitsPerSecond, said) => {
    const writer = new RtcpWriter()
    expect(writer.receiverEstimatedMaximumBitrate(1, bitsPerSecond, [2])).toBe(true)
    expect(read(written(writer))).toEqual({
      valid: true,
      calls: [['onReceiverEstimatedMaximumBitrate', said]],
    })
  })

  it('has exponent, mantissa and SSRCs where the draft puts them', () => {
    const writer = new RtcpWriter()
    // 0x30000 * 2^3
    expect(writer.receiverEstimatedMaximumBitrate(1, 0x18_0000, [0xa, 0xb])).toBe(true)
    expect(toHex(written(writer))).toBe(
      toHex(hex('8fce0006 00000001 00000000 52454d42 020f0000 0000000a 0000000b')),
    )
  })

  it('is never more than what was meant, and at most 1/131072 less', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e15, noNaN: true }), (bitsPerSecond) => {
        const writer = new RtcpWriter()
        writer.receiverEstimatedMaximumBitrate(1, bitsPerSecond, [])
        const said = Number(read(written(writer)).calls[0]?.[1])
        expect(said).toBeLessThanOrEqual(bitsPerSecond)
        expect(said).toBeGreaterThanOrEqual(Math.floor(bitsPerSecond) * (1 - 2 ** -17))
      }),
      seeded,
    )
  })

  it('is written for rates that are no numbers', () => {
    for (const rate of [NaN, Infinity, -1]) {
      const writer = new RtcpWriter()
      expect(writer.receiverEstimatedMaximumBitrate(1, rate, [])).toBe(true)
      expect(read(written(writer)).valid).toBe(true)
    }
  })

  it('takes at most 255 SSRCs', () => {
    const writer = new RtcpWriter(2000)
    expect(writer.receiverEstimatedMaximumBitrate(1, 2, new Array<number>(256).fill(1))).toBe(false)
    expect(writer.receiverEstimatedMaximumBitrate(1, 2, new Array<number>(255).fill(1))).toBe(true)
    expect(read(written(writer)).valid).toBe(true)
  })

  it('is refused where SSRCs are missing, and skipped where it is something else', () => {
    expect(read(hex('8fce0004 00000001 00000000 52454d42 010f0000')).valid).toBe(false)
    expect(read(hex('8fce0003 00000001 00000000 52454d42')).valid).toBe(false)
    expect(read(hex('8fce0004 00000001 00000000 41424344 010f0000'))).toEqual({ valid: true, calls: [] })
    expect(read(hex('8fce0002 00000001 00000000'))).toEqual({ valid: true, calls: [] })
  })
})
