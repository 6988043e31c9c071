/**
 * STUN messages (RFC 8489) as ICE uses them (RFC 8445 section 7): binding requests are read, binding responses written.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |0 0|     STUN Message Type     |         Message Length        |
 *     |                         Magic Cookie                          |
 *     |                     Transaction ID (96 bits)                  |
 *     |                       Attributes (TLV) ...                    |
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { crc32 } from 'node:zlib'

export const STUN_HEADER_BYTES = 20
const MAGIC_COOKIE = 0x2112a442
export const BINDING_REQUEST = 0x0001
export const BINDING_INDICATION = 0x0011
export const BINDING_SUCCESS = 0x0101
export const BINDING_ERROR = 0x0111
const TRANSACTION_ID_OFFSET = 8

const USERNAME = 0x0006
const MESSAGE_INTEGRITY = 0x0008
const ERROR_CODE = 0x0009
const UNKNOWN_ATTRIBUTES = 0x000a
const XOR_MAPPED_ADDRESS = 0x0020
const PRIORITY = 0x0024
const USE_CANDIDATE = 0x0025
const FINGERPRINT = 0x8028
const ICE_CONTROLLED = 0x8029
const ICE_CONTROLLING = 0x802a
/** Attributes below this must be understood (RFC 8489 section 14). */
const FIRST_OPTIONAL_ATTRIBUTE = 0x8000
const FINGERPRINT_XOR = 0x5354554e
const HMAC_BYTES = 20
/** Longest USERNAME: two ufrags of 256 characters and a colon (RFC 8839 section 5.4). */
const MAX_USERNAME_BYTES = 513
/** An ICE check has about ten attributes; more is not looked at. */
const MAX_ATTRIBUTES = 64

/** A parsed message; reused from one call to the next. Offsets are absolute in the bytes that were parsed. */
export interface StunMessage {
  type: number
  offset: number
  length: number
  /** 0 where there is none. */
  usernameOffset: number
  usernameLength: number
  /** Offset of the MESSAGE-INTEGRITY attribute's header, 0 where there is none. */
  integrityOffset: number
  hasFingerprint: boolean
  useCandidate: boolean
  /** 0 where there is none (FFmpeg). */
  priority: number
  role: 'controlling' | 'controlled' | 'none'
  /** Of a 420 answer: a comprehension-required attribute that is not known here, else 0. */
  unknownAttribute: number
}

export function createStunMessage(): StunMessage {
  return {
    type: 0,
    offset: 0,
    length: 0,
    usernameOffset: 0,
    usernameLength: 0,
    integrityOffset: 0,
    hasFingerprint: false,
    useCandidate: false,
    priority: 0,
    role: 'none',
    unknownAttribute: 0,
  }
}

/** Reads a message into `message`. @returns false where the bytes are no STUN message, or its FINGERPRINT is wrong. */
export function parseStun(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  length: number,
  message: StunMessage,
): boolean {
  if (length < STUN_HEADER_BYTES || length % 4 !== 0) return false
  const type = view.getUint16(offset)
  if ((type & 0xc000) !== 0) return false
  if (view.getUint16(offset + 2) !== length - STUN_HEADER_BYTES) return false
  if (view.getUint32(offset + 4) !== MAGIC_COOKIE) return false
  message.type = type
  message.offset = offset
  message.length = length
  message.usernameOffset = 0
  message.usernameLength = 0
  message.integrityOffset = 0
  message.hasFingerprint = false
  message.useCandidate = false
  message.priority = 0
  message.role = 'none'
  message.unknownAttribute = 0

  const end = offset + length
  let at = offset + STUN_HEADER_BYTES
  for (let count = 0; at < end; count++) {
    if (count === MAX_ATTRIBUTES || at + 4 > end) return false
    const attribute = view.getUint16(at)
    const valueLength = view.getUint16(at + 2)
    const value = at + 4
    if (value + valueLength > end) return false
    if (attribute === FINGERPRINT) {
      // Always the last attribute (RFC 8489 section 14.7).
      if (valueLength !== 4 || value + 4 !== end) return false
      const expected = (crc32(bytes.subarray(offset, at)) ^ FINGERPRINT_XOR) >>> 0
      if (view.getUint32(value) !== expected) return false
      message.hasFingerprint = true
    } else if (message.integrityOffset !== 0) {
      // Whatever follows MESSAGE-INTEGRITY is not covered by it and must be ignored (RFC 8489 section 14.5).
    } else if (attribute === MESSAGE_INTEGRITY) {
      if (valueLength !== HMAC_BYTES) return false
      message.integrityOffset = at
    } else if (attribute === USERNAME) {
      if (valueLength === 0 || valueLength > MAX_USERNAME_BYTES) return false
      message.usernameOffset = value
      message.usernameLength = valueLength
    } else if (attribute === PRIORITY) {
      if (valueLength !== 4) return false
      message.priority = view.getUint32(value)
    } else if (attribute === USE_CANDIDATE) {
      message.useCandidate = true
    } else if (attribute === ICE_CONTROLLING) {
      message.role = 'controlling'
    } else if (attribute === ICE_CONTROLLED) {
      message.role = 'controlled'
    } else if (
      attribute < FIRST_OPTIONAL_ATTRIBUTE &&
      message.unknownAttribute === 0 &&
      !isKnownRequired(attribute)
    ) {
      message.unknownAttribute = attribute
    }
    at = value + valueLength + ((4 - (valueLength % 4)) % 4)
  }
  return at === end
}

/** Comprehension-required attributes that may stand in a check although nothing is done with them. */
function isKnownRequired(attribute: number): boolean {
  // 0x001c MESSAGE-INTEGRITY-SHA256; 0xc057-style attributes of libwebrtc are optional ones.
  return (
    attribute === XOR_MAPPED_ADDRESS ||
    attribute === ERROR_CODE ||
    attribute === UNKNOWN_ATTRIBUTES ||
    attribute === 0x001c
  )
}

/** Verifies MESSAGE-INTEGRITY with the short-term credential `key` (RFC 8489 section 14.5), in constant time. */
export function verifyIntegrity(bytes: Uint8Array, message: StunMessage, key: Buffer): boolean {
  const at = message.integrityOffset
  if (at === 0) return false
  const expected = integrity(bytes, message.offset, at, key)
  return timingSafeEqual(expected, bytes.subarray(at + 4, at + 4 + HMAC_BYTES))
}

/** The HMAC over the message up to `end`, with the header's length as if MESSAGE-INTEGRITY were the last attribute. */
function integrity(bytes: Uint8Array, start: number, end: number, key: Buffer): Buffer {
  const length = end - start - STUN_HEADER_BYTES + 4 + HMAC_BYTES
  lengthField[0] = length >>> 8
  lengthField[1] = length & 0xff
  return createHmac('sha1', key)
    .update(bytes.subarray(start, start + 2))
    .update(lengthField)
    .update(bytes.subarray(start + 4, end))
    .digest()
}
const lengthField = new Uint8Array(2)

/** Longest response that is written here: header, error code with reason, integrity, fingerprint. */
export const MAX_RESPONSE_BYTES = 128

/** Writes responses to one request; `begin`, then attributes, then `end`. */
export class StunResponseWriter {
  #bytes: Uint8Array = new Uint8Array(0)
  #view: DataView = new DataView(new ArrayBuffer(0))
  #start = 0
  #at = 0

  /** Begins a response of `type` to `request`, whose transaction id is copied from `requestBytes`. */
  begin(
    bytes: Uint8Array,
    view: DataView,
    offset: number,
    type: number,
    requestBytes: Uint8Array,
    request: StunMessage,
  ): void {
    this.#bytes = bytes
    this.#view = view
    this.#start = offset
    view.setUint16(offset, type)
    view.setUint32(offset + 4, MAGIC_COOKIE)
    for (let i = TRANSACTION_ID_OFFSET; i < STUN_HEADER_BYTES; i++)
      bytes[offset + i] = requestBytes[request.offset + i] as number
    this.#at = offset + STUN_HEADER_BYTES
  }

  /** @param writeValue writes the attribute's value and returns its length, a multiple of 4. */
  xorMappedAddress(
    writeValue: (view: DataView, offset: number, transactionIdOffset: number) => number,
  ): void {
    const length = writeValue(this.#view, this.#at + 4, this.#start + 4)
    this.#header(XOR_MAPPED_ADDRESS, length)
    this.#at += 4 + length
  }

  /** ERROR-CODE without a reason phrase: it would only make the response longer than the request (RFC 8489 section 14.8). */
  errorCode(code: number): void {
    this.#header(ERROR_CODE, 4)
    this.#view.setUint32(this.#at + 4, (Math.floor(code / 100) << 8) | (code % 100))
    this.#at += 8
  }

  unknownAttribute(attribute: number): void {
    this.#header(UNKNOWN_ATTRIBUTES, 2)
    this.#view.setUint16(this.#at + 4, attribute)
    this.#view.setUint16(this.#at + 6, 0)
    this.#at += 8
  }

  /** Adds MESSAGE-INTEGRITY (where there is a key) and FINGERPRINT. @returns the message's length. */
  end(key: Buffer | undefined): number {
    if (key !== undefined) {
      const code = integrity(this.#bytes, this.#start, this.#at, key)
      this.#header(MESSAGE_INTEGRITY, HMAC_BYTES)
      this.#bytes.set(code, this.#at + 4)
      this.#at += 4 + HMAC_BYTES
    }
    const length = this.#at + 8 - this.#start
    this.#view.setUint16(this.#start + 2, length - STUN_HEADER_BYTES)
    const checksum = (crc32(this.#bytes.subarray(this.#start, this.#at)) ^ FINGERPRINT_XOR) >>> 0
    this.#header(FINGERPRINT, 4)
    this.#view.setUint32(this.#at + 4, checksum)
    this.#at += 8
    return length
  }

  #header(attribute: number, length: number): void {
    this.#view.setUint16(this.#at, attribute)
    this.#view.setUint16(this.#at + 2, length)
  }
}
