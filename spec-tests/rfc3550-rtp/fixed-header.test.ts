import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  createRtpHeader,
  parseRtpHeader,
  stripPadding,
  writeRtpHeader,
} from '../../src/media/rtp/rtp-header.ts'
import { damaged, hex, place, seeded } from './packet-bytes.ts'

const header = createRtpHeader()

function parse(packet: Uint8Array): boolean {
  const { bytes, view, offset, length } = place(packet)
  return parseRtpHeader(bytes, view, offset, length, header)
}

/** The plaintext packet of RFC 7714 section 16. */
const rfc7714Packet = hex(
  '8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573',
)
const twoSourcesAndExtension = hex(
  'b2 e0 0001 00000002 fffffffe 0000000a 0000000b bede0001 10aa0000 010203 02 02',
)

describe('RFC 3550 section 5.1: the fixed header', () => {
  it('is read from the packet of RFC 7714 section 16', () => {
    expect(parse(rfc7714Packet)).toBe(true)
    expect(header).toEqual({
      marker: false,
      hasPadding: false,
      payloadType: 64,
      sequenceNumber: 0xf17b,
      timestamp: 0x8041f8d3,
      ssrc: 0x5501a0b2,
      headerLength: 12,
      extensionProfile: 0,
      extensionOffset: 0,
      extensionLength: 0,
      payloadOffset: 7 + 12,
      payloadLength: 38,
    })
  })

  it('is read with CSRC list, extension and padding', () => {
    expect(parse(twoSourcesAndExtension)).toBe(true)
    expect(header).toEqual({
      marker: true,
      hasPadding: true,
      payloadType: 96,
      sequenceNumber: 1,
      timestamp: 2,
      ssrc: 0xfffffffe,
      headerLength: 28,
      extensionProfile: 0xbede,
      extensionOffset: 7 + 24,
      extensionLength: 4,
      payloadOffset: 7 + 28,
      payloadLength: 5,
    })
  })

  it('forgets the extension of the packet before', () => {
    parse(twoSourcesAndExtension)
    parse(rfc7714Packet)
    expect(header.extensionProfile).toBe(0)
    expect(header.extensionLength).toBe(0)
  })

  it('may be followed by nothing', () => {
    expect(parse(rfc7714Packet.slice(0, 12))).toBe(true)
    expect(header.payloadLength).toBe(0)
  })

  it.each([
    ['an empty datagram', ''],
    ['11 bytes', '80600001 00000002 000000'],
    ['version 1', '40600001 00000002 00000003'],
    ['version 3', 'c0600001 00000002 00000003'],
    ['a CSRC list that is cut off', '82600001 00000002 00000003 00000004'],
    ['a CSRC list that lacks one byte', '81600001 00000002 00000003 000000'],
    ['an extension header that is cut off', '90600001 00000002 00000003 bede'],
    ['an extension longer than the packet', '90600001 00000002 00000003 bede0002 00000000'],
  ])('is refused for %s', (_, packet) => {
    expect(parse(hex(packet))).toBe(false)
  })

  it('is refused where the length goes beyond the memory', () => {
    const { bytes, view } = place(rfc7714Packet)
    expect(parseRtpHeader(bytes, view, bytes.length - 12, 13, header)).toBe(false)
    expect(parseRtpHeader(bytes, view, -1, 12, header)).toBe(false)
  })

  it('reads back as it was written', () => {
    const fields = fc.record({
      marker: fc.boolean(),
      payloadType: fc.nat(127),
      sequenceNumber: fc.nat(0xffff),
      timestamp: fc.nat(0xffff_ffff),
      ssrc: fc.nat(0xffff_ffff),
    })
    fc.assert(
      fc.property(fields, ({ marker, payloadType, sequenceNumber, timestamp, ssrc }) => {
        const { bytes, view, offset } = place(new Uint8Array(12))
        writeRtpHeader(view, offset, marker, payloadType, sequenceNumber, timestamp, ssrc, false)
        expect(parseRtpHeader(bytes, view, offset, 12, header)).toBe(true)
        expect(header).toMatchObject({
          marker,
          payloadType,
          sequenceNumber,
          timestamp,
          ssrc,
          headerLength: 12,
        })
        expect(bytes.subarray(0, offset).every((byte) => byte === 0xff)).toBe(true)
        expect(bytes[offset + 12]).toBe(0xff)
      }),
      seeded,
    )
  })

  it('is written with extended sequence numbers and announces an extension', () => {
    const { bytes, view } = place(new Uint8Array(16), 0, 0)
    writeRtpHeader(view, 0, true, 111, 0x5_0001, 2 ** 32 + 9, 1, true)
    expect(parseRtpHeader(bytes, view, 0, 16, header)).toBe(true)
    expect(header).toMatchObject({ sequenceNumber: 1, timestamp: 9, headerLength: 16, extensionOffset: 16 })
  })
})

describe('RFC 3550 section 5.1: padding', () => {
  function strip(packet: Uint8Array): boolean {
    const { bytes, view, offset, length } = place(packet)
    expect(parseRtpHeader(bytes, view, offset, length, header)).toBe(true)
    return stripPadding(bytes, header)
  }

  it('is taken off the payload once', () => {
    const { bytes, view, offset, length } = place(twoSourcesAndExtension)
    parseRtpHeader(bytes, view, offset, length, header)
    expect(stripPadding(bytes, header)).toBe(true)
    expect(header.payloadLength).toBe(3)
    expect(stripPadding(bytes, header)).toBe(true)
    expect(header.payloadLength).toBe(3)
  })

  it('may be all there is', () => {
    expect(strip(hex('a0600001 00000002 00000003 00000004'))).toBe(true)
    expect(header.payloadLength).toBe(0)
  })

  it('stays where the header announces none', () => {
    expect(strip(hex('80600001 00000002 00000003 00000004'))).toBe(true)
    expect(header.payloadLength).toBe(4)
  })

  it.each([
    ['0', 'a0600001 00000002 00000003 00000000'],
    ['more than the payload', 'a0600001 00000002 00000003 00000005'],
    ['announced for an empty payload', 'a0600001 00000002 00000003'],
  ])('is refused when its count is %s', (_, packet) => {
    expect(strip(hex(packet))).toBe(false)
  })
})

describe('RTP packets of random and damaged bytes', () => {
  it('never throw, and give offsets inside the packet that depend on the packet alone', () => {
    const other = createRtpHeader()
    fc.assert(
      fc.property(damaged(rfc7714Packet, twoSourcesAndExtension), (packet) => {
        const one = place(packet, 0xff)
        const two = place(packet, 0x00)
        const valid = parseRtpHeader(one.bytes, one.view, one.offset, one.length, header)
        expect(parseRtpHeader(two.bytes, two.view, two.offset, two.length, other)).toBe(valid)
        if (!valid) return
        expect(other).toEqual(header)
        expect(header.payloadLength).toBeGreaterThanOrEqual(0)
        expect(header.payloadOffset + header.payloadLength).toBe(one.offset + one.length)
        expect(header.payloadOffset).toBe(one.offset + header.headerLength)
        expect(header.extensionOffset + header.extensionLength).toBeLessThanOrEqual(header.payloadOffset)
        expect(stripPadding(two.bytes, other)).toBe(stripPadding(one.bytes, header))
        expect(header.payloadLength).toBeGreaterThanOrEqual(0)
        expect(other.payloadLength).toBe(header.payloadLength)
      }),
      seeded,
    )
  })
})
