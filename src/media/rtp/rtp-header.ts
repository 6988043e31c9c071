/**
 * The RTP fixed header, CSRC list, extension header and padding (RFC 3550 section 5.1, RFC 8285 section 4).
 */
import { toSequenceNumber, type SequenceNumber } from './sequence-number.ts'

/*
  0                   1                   2                   3
  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 |                           timestamp                           |
 +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 |                             SSRC                              |
 +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
 |                    CSRC identifiers (0 to 15)                 |
 +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 |  if X: defined by profile     |     length in 32-bit words    |
 +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */

/** Length of the header without CSRC list and extension, in bytes. */
export const fixedRtpHeaderBytes = 12
const csrcBytes = 4
const extensionHeaderBytes = 4

/**
 * A parsed header. Mutable so that one object serves every packet; valid until the next `parseRtpHeader` into
 * it.
 */
export interface RtpHeader {
  marker: boolean
  hasPadding: boolean
  payloadType: number
  sequenceNumber: SequenceNumber
  timestamp: number
  ssrc: number
  /** Bytes in front of the payload: fixed header, CSRC list and extension. */
  headerLength: number
  /**
   * "Defined by profile": 0xbede is RFC 8285's one-byte form, 0x1000 to 0x100f its two-byte form, 0 no
   * extension.
   */
  extensionProfile: number
  /** Absolute offset of the extension's elements, behind its four-byte header. */
  extensionOffset: number
  /** Bytes of the extension's elements. */
  extensionLength: number
  /** Absolute offset of the payload. */
  payloadOffset: number
  /** Bytes of payload; includes the padding until `stripPadding`. */
  payloadLength: number
}

export function createRtpHeader(): RtpHeader {
  return {
    marker: false,
    hasPadding: false,
    payloadType: 0,
    sequenceNumber: toSequenceNumber(0),
    timestamp: 0,
    ssrc: 0,
    headerLength: 0,
    extensionProfile: 0,
    extensionOffset: 0,
    extensionLength: 0,
    payloadOffset: 0,
    payloadLength: 0,
  }
}

/**
 * Reads the header of the packet in `length` bytes at `offset` of `bytes` (and of `view`, the same memory)
 * into `header`. All offsets in `header` count from the start of `bytes`. Returns false, with `header` in an
 * undefined state, when this is no complete RTP version 2 header. The padding count is not looked at, since
 * it is still encrypted in SRTP.
 */
export function parseRtpHeader(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  length: number,
  header: RtpHeader,
): boolean {
  if (offset < 0 || length < fixedRtpHeaderBytes || length > bytes.length - offset) return false
  const first = view.getUint8(offset)
  if (first >> 6 !== 2) return false

  let headerLength = fixedRtpHeaderBytes + (first & 0x0f) * csrcBytes
  header.extensionProfile = 0
  header.extensionOffset = 0
  header.extensionLength = 0
  if ((first & 0x10) !== 0) {
    if (headerLength + extensionHeaderBytes > length) return false
    header.extensionProfile = view.getUint16(offset + headerLength)
    header.extensionLength = view.getUint16(offset + headerLength + 2) * 4
    header.extensionOffset = offset + headerLength + extensionHeaderBytes
    headerLength += extensionHeaderBytes + header.extensionLength
  }
  if (headerLength > length) return false

  const second = view.getUint8(offset + 1)
  header.hasPadding = (first & 0x20) !== 0
  header.marker = (second & 0x80) !== 0
  header.payloadType = second & 0x7f
  header.sequenceNumber = toSequenceNumber(view.getUint16(offset + 2))
  header.timestamp = view.getUint32(offset + 4)
  header.ssrc = view.getUint32(offset + 8)
  header.headerLength = headerLength
  header.payloadOffset = offset + headerLength
  header.payloadLength = length - headerLength
  return true
}

/**
 * Takes the padding off the (decrypted) payload; does nothing where the header announces none. The payload
 * may become empty: packets of padding alone probe for bandwidth. Returns false where the count is 0 or more
 * than there is.
 */
export function stripPadding(bytes: Uint8Array, header: RtpHeader): boolean {
  if (!header.hasPadding) return true
  if (header.payloadLength === 0) return false
  const count = bytes[header.payloadOffset + header.payloadLength - 1] ?? 0
  if (count === 0 || count > header.payloadLength) return false
  header.payloadLength -= count
  header.hasPadding = false
  return true
}

/**
 * Writes a fixed header of 12 bytes (no CSRC, no padding) at `offset`. With `hasExtension` the caller writes
 * an extension right behind it (`HeaderExtensionWriter`). Sequence number and timestamp are taken modulo 2^16
 * and 2^32.
 */
export function writeRtpHeader(
  view: DataView,
  offset: number,
  marker: boolean,
  payloadType: number,
  sequenceNumber: number,
  timestamp: number,
  ssrc: number,
  hasExtension: boolean,
): void {
  view.setUint8(offset, hasExtension ? 0x90 : 0x80)
  view.setUint8(offset + 1, (marker ? 0x80 : 0) | payloadType)
  view.setUint16(offset + 2, sequenceNumber)
  view.setUint32(offset + 4, timestamp)
  view.setUint32(offset + 8, ssrc)
}
