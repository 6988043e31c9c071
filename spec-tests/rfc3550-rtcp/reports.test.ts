import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RtcpWriter } from '../../src/media/rtp/rtcp.ts'
import { hex, seeded, toHex } from '../rfc3550-rtp/packet-bytes.ts'
import { read, written } from './recorder.ts'

const uint32 = fc.nat(0xffff_ffff)

describe('RFC 3550 section 6.4.1: the sender report', () => {
  const packet = hex(`
    81c8000c 902f9e2e b44db705 20000000 3ade68b1 00000010 000009d8
    01020304 40ffffff 0002fffe 00000064 b7052000 00054000`)

  it('is read with the times of figure 2 and a block with more packets than expected', () => {
    expect(read(packet)).toEqual({
      valid: true,
      calls: [
        ['onSenderReport', 0x902f9e2e, 0xb44db705, 0x20000000, 0x3ade68b1, 16, 2520],
        ['onReportBlock', 0x902f9e2e, 0x01020304, 0x40, -1, 0x2fffe, 100, 0xb7052000, 0x54000],
      ],
    })
  })

  it('is written with blocks appended', () => {
    const writer = new RtcpWriter()
    expect(writer.senderReport(0x902f9e2e, 0xb44db705, 0x20000000, 0x3ade68b1, 16, 2520)).toBe(true)
    expect(writer.reportBlock(0x01020304, 0x40, -1, 0x2fffe, 100, 0xb7052000, 0x54000)).toBe(true)
    expect(toHex(written(writer))).toBe(toHex(packet))
  })

  it('reads back as it was written', () => {
    fc.assert(
      fc.property(uint32, uint32, uint32, uint32, uint32, uint32, (...report) => {
        const writer = new RtcpWriter()
        expect(writer.senderReport(...report)).toBe(true)
        expect(read(written(writer))).toEqual({ valid: true, calls: [['onSenderReport', ...report]] })
      }),
      seeded,
    )
  })

  it('may carry a profile-specific extension, which is skipped', () => {
    const extended = hex('80c80007 00000001 00000002 00000003 00000004 00000005 00000006 deadbeef')
    expect(read(extended)).toEqual({ valid: true, calls: [['onSenderReport', 1, 2, 3, 4, 5, 6]] })
  })

  it('is refused whole where it has fewer blocks than its count says', () => {
    expect(read(hex('81c80006 00000001 00000002 00000003 00000004 00000005 00000006'))).toEqual({
      valid: false,
      calls: [],
    })
    expect(read(hex('80c80005 00000001 00000002 00000003 00000004 00000005')).valid).toBe(false)
  })
})

describe('RFC 3550 section 6.4.2: the receiver report', () => {
  it('may be empty', () => {
    const writer = new RtcpWriter()
    expect(writer.beginReceiverReport(7)).toBe(true)
    expect(toHex(written(writer))).toBe('80c90001' + '00000007')
    expect(read(written(writer))).toEqual({ valid: true, calls: [] })
  })

  it('reads back as it was written', () => {
    const block = fc.tuple(
      uint32,
      fc.nat(255),
      fc.integer({ min: -0x800000, max: 0x7fffff }),
      uint32,
      uint32,
      uint32,
      uint32,
    )
    fc.assert(
      fc.property(uint32, fc.array(block, { maxLength: 31 }), (ssrc, blocks) => {
        const writer = new RtcpWriter()
        expect(writer.beginReceiverReport(ssrc)).toBe(true)
        for (const fields of blocks) expect(writer.reportBlock(...fields)).toBe(true)
        const calls = blocks.map((fields) => ['onReportBlock', ssrc, ...fields])
        expect(read(written(writer))).toEqual({ valid: true, calls })
      }),
      { ...seeded, numRuns: 300 },
    )
  })

  it('holds losses within their fields', () => {
    const writer = new RtcpWriter()
    writer.beginReceiverReport(1)
    writer.reportBlock(2, 300, 2 ** 24, 0, 0, 0, 0)
    writer.reportBlock(2, -1, -(2 ** 24), 0, 0, 0, 0)
    expect(read(written(writer)).calls).toEqual([
      ['onReportBlock', 1, 2, 255, 0x7fffff, 0, 0, 0, 0],
      ['onReportBlock', 1, 2, 0, -0x800000, 0, 0, 0, 0],
    ])
  })

  it('takes 31 blocks', () => {
    const writer = new RtcpWriter()
    writer.beginReceiverReport(1)
    for (let i = 0; i < 31; i++) expect(writer.reportBlock(i, 0, 0, 0, 0, 0, 0)).toBe(true)
    const { length } = writer
    expect(writer.reportBlock(31, 0, 0, 0, 0, 0, 0)).toBe(false)
    expect(writer.length).toBe(length)
    expect(read(written(writer)).calls).toHaveLength(31)
  })

  it('takes no blocks before it is begun or after another packet', () => {
    const writer = new RtcpWriter()
    expect(writer.reportBlock(1, 0, 0, 0, 0, 0, 0)).toBe(false)
    writer.beginReceiverReport(1)
    writer.bye(1)
    expect(writer.reportBlock(1, 0, 0, 0, 0, 0, 0)).toBe(false)
    writer.reset()
    expect(writer.length).toBe(0)
    expect(writer.reportBlock(1, 0, 0, 0, 0, 0, 0)).toBe(false)
  })
})

describe('RFC 3550 section 6.5: the source description', () => {
  it.each([
    ['', '81ca0002 00000001 0100 0000'],
    ['a', '81ca0002 00000001 0101 61 00'],
    ['ab', '81ca0003 00000001 0102 6162 00000000'],
    ['whip', '81ca0003 00000001 0104 77686970 0000'],
    ['é', '81ca0003 00000001 0102 c3a9 00000000'],
  ])('with the CNAME "%s" ends in one to four zero bytes', (cname, expected) => {
    const writer = new RtcpWriter()
    writer.bytes.fill(0xff)
    expect(writer.sourceDescription(1, cname)).toBe(true)
    expect(toHex(written(writer))).toBe(toHex(hex(expected)))
    expect(read(written(writer))).toEqual({ valid: true, calls: [] })
  })

  it('is refused with a CNAME of more than 255 bytes', () => {
    const writer = new RtcpWriter()
    expect(writer.sourceDescription(1, 'x'.repeat(256))).toBe(false)
    expect(writer.length).toBe(0)
    expect(writer.sourceDescription(1, 'x'.repeat(255))).toBe(true)
  })
})

describe('RFC 3550 section 6.6: BYE', () => {
  it('names its sources and may give a reason', () => {
    const packet = hex('82cb0004 00000001 fffffffe 05 6f6666 6c6e 0000')
    expect(read(packet)).toEqual({
      valid: true,
      calls: [
        ['onBye', 1],
        ['onBye', 0xfffffffe],
      ],
    })
  })

  it('reads back as it was written', () => {
    const writer = new RtcpWriter()
    expect(writer.bye(0x80000001)).toBe(true)
    expect(read(written(writer))).toEqual({ valid: true, calls: [['onBye', 0x80000001]] })
  })

  it('is refused where sources are missing', () => {
    expect(read(hex('82cb0001 00000001'))).toEqual({ valid: false, calls: [] })
  })
})
