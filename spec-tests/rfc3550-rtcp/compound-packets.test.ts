import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readRtcp, RtcpWriter } from '../../src/media/rtp/rtcp.ts'
import { toSequenceNumber } from '../../src/media/rtp/sequence-number.ts'
import { damaged, hex, place, seeded } from '../rfc3550-rtp/packet-bytes.ts'
import { read, Recorder, written } from './recorder.ts'

function compound(): Uint8Array {
  const writer = new RtcpWriter()
  writer.senderReport(1, 2, 3, 4, 5, 6)
  writer.reportBlock(7, 8, 9, 10, 11, 12, 13)
  writer.sourceDescription(1, 'whipway')
  writer.nack(1, 2, [65_535, 0, 40], 3)
  writer.pictureLossIndication(1, 2)
  writer.fullIntraRequest(1, 2, 3)
  writer.receiverEstimatedMaximumBitrate(1, 2_500_000, [2, 3])
  writer.transportFeedback(1, 2, 3, toSequenceNumber(65_530), 1, [70, 71, NaN, 60, 300, 400], 6)
  writer.bye(1)
  return written(writer)
}

describe('RFC 3550 section 6.1: compound packets', () => {
  it('are read packet by packet, in their order', () => {
    const { valid, calls } = read(compound())
    expect(valid).toBe(true)
    expect(calls.map(([name]) => name)).toEqual([
      'onSenderReport',
      'onReportBlock',
      'onNack',
      'onNack',
      'onPictureLossIndication',
      'onFullIntraRequest',
      'onReceiverEstimatedMaximumBitrate',
      'onTransportFeedback',
      'onBye',
    ])
  })

  it('may be of reduced size (RFC 5506)', () => {
    expect(read(hex('81ce0002 00000001 00000002'))).toEqual({
      valid: true,
      calls: [['onPictureLossIndication', 2]],
    })
  })

  it('may hold types and formats that are not known', () => {
    const unknown =
      '80cc0002 00000001 6e616d65' +
      '80cf0001 00000001' +
      '9fcd0002 00000001 00000002' +
      '82ce0002 00000001 00000002'
    expect(read(hex(`${unknown} 81cb0001 00000009`))).toEqual({ valid: true, calls: [['onBye', 9]] })
  })

  it('may end in padding', () => {
    expect(read(hex('a1ce0003 00000001 00000002 00000004'))).toEqual({
      valid: true,
      calls: [['onPictureLossIndication', 2]],
    })
    const nack = hex('a1cd0005 00000001 00000002 00050000 00000000 00000008')
    expect(read(nack)).toEqual({ valid: true, calls: [['onNack', 2, 5, 0]] })
  })

  it('are read up to the first malformed packet', () => {
    expect(read(hex('81cb0001 00000009 41cb0001 0000000a 81cb0001 0000000b'))).toEqual({
      valid: false,
      calls: [['onBye', 9]],
    })
  })

  it.each([
    ['empty', ''],
    ['shorter than a header', '80c9'],
    ['of version 1', '40c90001 00000001'],
    ['longer than the datagram', '80c90002 00000001'],
    ['followed by less than a header', '80c90001 00000001 80c9'],
    ['padded by 0', 'a0c90001 00000000'],
    ['padded by more than there is', 'a0c90001 00000005'],
    ['padded into its header', 'a0cf0001 00000005'],
    ['padded into its fields', 'a0c90001 00000004'],
    ['feedback without its two SSRCs', '81cd0001 00000001'],
    ['payload feedback without its two SSRCs', '81ce0001 00000001'],
  ])('are malformed when %s', (_, packet) => {
    expect(read(hex(packet)).valid).toBe(false)
  })

  it('are refused where the length goes beyond the memory', () => {
    const { bytes, view } = place(hex('80c90001 00000001'))
    expect(readRtcp(bytes, view, bytes.length - 8, 12, new Recorder())).toBe(false)
    expect(readRtcp(bytes, view, -4, 8, new Recorder())).toBe(false)
  })
})

describe('RTCP of random and damaged bytes', () => {
  it('never throws, and reads the same whatever lies around it', () => {
    fc.assert(
      fc.property(damaged(compound(), ...packetsOf(compound())), (packet) => {
        expect(read(packet, 0x00)).toEqual(read(packet, 0xff))
      }),
      seeded,
    )
  })

  it('causes a bounded number of calls, fewer than it has bytes', () => {
    fc.assert(
      fc.property(damaged(compound()), (packet) => {
        expect(read(packet).calls.length).toBeLessThanOrEqual(packet.length)
      }),
      seeded,
    )
  })
})

describe('a writer without room', () => {
  const appends: [string, (writer: RtcpWriter) => boolean | number][] = [
    ['sender report', (w) => w.senderReport(1, 2, 3, 4, 5, 6)],
    ['receiver report', (w) => w.beginReceiverReport(1)],
    ['source description', (w) => w.sourceDescription(1, 'whipway')],
    ['BYE', (w) => w.bye(1)],
    ['NACK', (w) => w.nack(1, 2, [3], 1)],
    ['PLI', (w) => w.pictureLossIndication(1, 2)],
    ['FIR', (w) => w.fullIntraRequest(1, 2, 3)],
    ['REMB', (w) => w.receiverEstimatedMaximumBitrate(1, 2, [3])],
    ['transport feedback', (w) => w.transportFeedback(1, 2, 3, toSequenceNumber(4), 0, [1], 1)],
  ]

  it.each(appends)('writes a %s whole or not at all', (_, append) => {
    const roomy = new RtcpWriter()
    expect(append(roomy)).toBeTruthy()
    const needed = roomy.length
    for (let room = 0; room <= needed; room++) {
      const writer = new RtcpWriter(8 + room)
      writer.beginReceiverReport(9)
      const fits = append(writer)
      expect(Boolean(fits)).toBe(room === needed)
      expect(writer.length).toBe(8 + (fits ? needed : 0))
      expect(read(written(writer)).valid).toBe(true)
    }
  })

  it('refuses a report block', () => {
    const writer = new RtcpWriter(31)
    writer.beginReceiverReport(9)
    expect(writer.reportBlock(1, 2, 3, 4, 5, 6, 7)).toBe(false)
    expect(read(written(writer))).toEqual({ valid: true, calls: [] })
  })
})

function packetsOf(bytes: Uint8Array): Uint8Array[] {
  const packets: Uint8Array[] = []
  for (let at = 0; at < bytes.length;) {
    const length = (((bytes[at + 2] ?? 0) << 8) + (bytes[at + 3] ?? 0) + 1) * 4
    packets.push(bytes.slice(at, at + length))
    at += length
  }
  return packets
}
