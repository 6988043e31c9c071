/** AES128_CM_SHA1_80 for SRTP and SRTCP (RFC 3711 sections 3.3, 3.4, 4.1.1 and 4.2.1), one direction. */
import type { NativeMemory } from '../native/memory.ts'
import { AesCounter, HmacSha1, iv } from '../native/symmetric-ciphers.ts'
import { deriveSessionKeys } from './srtp-keys.ts'
import type { SrtpMasterKey, SrtpProfile, SrtpSessionKeys } from './srtp-keys.ts'
import { RTCP_HEADER_BYTES } from './srtp-protection.ts'
import type { SrtpDecryptor, SrtpEncryptor } from './srtp-protection.ts'

const TAG_BYTES = 10
const INDEX_BYTES = 4
const ROLLOVER_BYTES = 4
const ENCRYPTED_FLAG = 0x80000000
const TWO_POW_16 = 0x10000

interface Keyed {
  readonly cipher: AesCounter
  readonly hmac: HmacSha1
  readonly salt: Uint8Array
}

/** Counter mode is its own inverse, so that one class serves both directions. */
export class CounterModeProtection implements SrtpEncryptor, SrtpDecryptor {
  readonly #profile: SrtpProfile
  readonly #master: SrtpMasterKey
  #rtp: Keyed | undefined
  #rtcp: Keyed | undefined

  constructor(profile: SrtpProfile, master: SrtpMasterKey) {
    this.#profile = profile
    this.#master = master
  }

  protectRtp(
    out: NativeMemory,
    offset: number,
    headerLength: number,
    prefixLength: number,
    payload: NativeMemory,
    payloadOffset: number,
    payloadLength: number,
    ssrc: number,
    index: number,
  ): number {
    const { cipher, hmac, salt } = this.#rtp ?? this.#rtpKeys()
    const rollover = Math.floor(index / TWO_POW_16)
    writeIv(salt, ssrc, rollover, index & 0xffff)
    const body = offset + headerLength
    if (!cipher.begin()) return -1
    if (!cipher.apply(out, body, out, body, prefixLength)) return -1
    if (!cipher.apply(out, body + prefixLength, payload, payloadOffset, payloadLength)) return -1
    const length = headerLength + prefixLength + payloadLength
    // The roll-over counter is authenticated behind the packet but not sent: the tag takes its place.
    out.view.setUint32(offset + length, rollover)
    out.bytes.set(hmac.compute(out, offset, length + ROLLOVER_BYTES).subarray(0, TAG_BYTES), offset + length)
    return length + TAG_BYTES
  }

  unprotectRtp(
    memory: NativeMemory,
    offset: number,
    length: number,
    headerLength: number,
    ssrc: number,
    index: number,
  ): number {
    const plainLength = length - TAG_BYTES
    if (plainLength < headerLength) return -1
    const { cipher, hmac, salt } = this.#rtp ?? this.#rtpKeys()
    const { bytes, view } = memory
    const tag = offset + plainLength
    for (let i = 0; i < TAG_BYTES; i++) receivedTag[i] = bytes[tag + i] as number
    const rollover = Math.floor(index / TWO_POW_16)
    view.setUint32(tag, rollover)
    const code = hmac.compute(memory, offset, plainLength + ROLLOVER_BYTES)
    if (!tagsAreEqual(code)) {
      bytes.set(receivedTag, tag)
      return -1
    }
    writeIv(salt, ssrc, rollover, index & 0xffff)
    const body = offset + headerLength
    if (!cipher.begin() || !cipher.apply(memory, body, memory, body, plainLength - headerLength)) return -1
    return plainLength
  }

  /** Layout (RFC 3711 section 3.4): header | encrypted rest | E + index | tag over all before. */
  protectRtcp(out: NativeMemory, offset: number, length: number, index: number): number {
    if (length < RTCP_HEADER_BYTES) return -1
    const { cipher, hmac, salt } = this.#rtcp ?? this.#rtcpKeys()
    const { view, bytes } = out
    writeIv(salt, view.getUint32(offset + 4), index >>> 16, index & 0xffff)
    const body = offset + RTCP_HEADER_BYTES
    if (!cipher.begin() || !cipher.apply(out, body, out, body, length - RTCP_HEADER_BYTES)) return -1
    view.setUint32(offset + length, (ENCRYPTED_FLAG | index) >>> 0)
    const authenticated = length + INDEX_BYTES
    bytes.set(hmac.compute(out, offset, authenticated).subarray(0, TAG_BYTES), offset + authenticated)
    return authenticated + TAG_BYTES
  }

  unprotectRtcp(memory: NativeMemory, offset: number, length: number): number {
    const authenticated = length - TAG_BYTES
    const plainLength = authenticated - INDEX_BYTES
    if (plainLength < RTCP_HEADER_BYTES) return -1
    const { cipher, hmac, salt } = this.#rtcp ?? this.#rtcpKeys()
    const { view, bytes } = memory
    for (let i = 0; i < TAG_BYTES; i++) receivedTag[i] = bytes[offset + authenticated + i] as number
    if (!tagsAreEqual(hmac.compute(memory, offset, authenticated))) return -1
    const word = view.getUint32(offset + plainLength)
    if ((word & ENCRYPTED_FLAG) === 0) return plainLength
    const index = word & 0x7fffffff
    writeIv(salt, view.getUint32(offset + 4), index >>> 16, index & 0xffff)
    const body = offset + RTCP_HEADER_BYTES
    if (!cipher.begin() || !cipher.apply(memory, body, memory, body, plainLength - RTCP_HEADER_BYTES))
      return -1
    return plainLength
  }

  rtcpIndex(memory: NativeMemory, offset: number, length: number): number {
    if (length < RTCP_HEADER_BYTES + TAG_BYTES + INDEX_BYTES) return -1
    return memory.view.getUint32(offset + length - TAG_BYTES - INDEX_BYTES) & 0x7fffffff
  }

  free(): void {
    this.#rtp?.cipher.free()
    this.#rtcp?.cipher.free()
  }

  #rtpKeys(): Keyed {
    this.#rtp = keyed(deriveSessionKeys(this.#profile, this.#master, 'rtp'))
    return this.#rtp
  }

  #rtcpKeys(): Keyed {
    this.#rtcp = keyed(deriveSessionKeys(this.#profile, this.#master, 'rtcp'))
    return this.#rtcp
  }
}

function keyed(keys: SrtpSessionKeys): Keyed {
  return { cipher: new AesCounter(keys.encryption), hmac: new HmacSha1(keys.authentication), salt: keys.salt }
}

const receivedTag = new Uint8Array(TAG_BYTES)

/** Compares with `receivedTag` in constant time. */
function tagsAreEqual(code: Uint8Array): boolean {
  let difference = 0
  for (let i = 0; i < TAG_BYTES; i++) difference |= (code[i] as number) ^ (receivedTag[i] as number)
  return difference === 0
}

/**
 * IV = (salt * 2^16) XOR (SSRC * 2^64) XOR (index * 2^16) (RFC 3711 section 4.1.1).
 * @param high upper 32 bits of the index; @param low its lower 16.
 */
function writeIv(salt: Uint8Array, ssrc: number, high: number, low: number): void {
  const bytes = iv.bytes
  for (let i = 0; i < 14; i++) bytes[i] = salt[i] as number
  bytes[4] = (salt[4] as number) ^ (ssrc >>> 24)
  bytes[5] = (salt[5] as number) ^ (ssrc >>> 16)
  bytes[6] = (salt[6] as number) ^ (ssrc >>> 8)
  bytes[7] = (salt[7] as number) ^ ssrc
  bytes[8] = (salt[8] as number) ^ (high >>> 24)
  bytes[9] = (salt[9] as number) ^ (high >>> 16)
  bytes[10] = (salt[10] as number) ^ (high >>> 8)
  bytes[11] = (salt[11] as number) ^ high
  bytes[12] = (salt[12] as number) ^ (low >>> 8)
  bytes[13] = (salt[13] as number) ^ low
  bytes[14] = 0
  bytes[15] = 0
}
