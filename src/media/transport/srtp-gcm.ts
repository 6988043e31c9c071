/** AEAD_AES_128_GCM for SRTP and SRTCP (RFC 7714 sections 8 and 9), one direction. */
import type { NativeMemory } from '../native/memory.ts'
import { AesGcm, GCM_IV_BYTES, GCM_TAG_BYTES, iv } from '../native/symmetric-ciphers.ts'
import { deriveSessionKeys } from './srtp-keys.ts'
import type { SrtpMasterKey, SrtpProfile } from './srtp-keys.ts'
import { RTCP_HEADER_BYTES } from './srtp-protection.ts'
import type { SrtpDecryptor, SrtpEncryptor } from './srtp-protection.ts'

const INDEX_BYTES = 4
/** The E flag in front of the 31-bit SRTCP index: "this packet is encrypted". */
const ENCRYPTED_FLAG = 0x80000000
const TWO_POW_16 = 0x10000

export class GcmProtection implements SrtpEncryptor, SrtpDecryptor {
  readonly #profile: SrtpProfile
  readonly #master: SrtpMasterKey
  readonly #direction: 'encrypt' | 'decrypt'
  // Made when first used: a viewer never sends RTP, and each context costs a kilobyte.
  #rtp: AesGcm | undefined
  #rtcp: AesGcm | undefined
  readonly #rtpSalt: Uint8Array
  readonly #rtcpSalt: Uint8Array

  constructor(profile: SrtpProfile, master: SrtpMasterKey, direction: 'encrypt' | 'decrypt') {
    this.#profile = profile
    this.#master = master
    this.#direction = direction
    this.#rtpSalt = deriveSessionKeys(profile, master, 'rtp').salt
    this.#rtcpSalt = deriveSessionKeys(profile, master, 'rtcp').salt
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
    const cipher = this.#rtp ?? this.#rtpCipher()
    writeIv(this.#rtpSalt, ssrc, Math.floor(index / TWO_POW_16), index & 0xffff)
    if (!cipher.seal(out, offset, headerLength, prefixLength, payload, payloadOffset, payloadLength))
      return -1
    return headerLength + prefixLength + payloadLength + GCM_TAG_BYTES
  }

  unprotectRtp(
    memory: NativeMemory,
    offset: number,
    length: number,
    headerLength: number,
    ssrc: number,
    index: number,
  ): number {
    const plainLength = length - GCM_TAG_BYTES
    if (plainLength < headerLength) return -1
    const cipher = this.#rtp ?? this.#rtpCipher()
    writeIv(this.#rtpSalt, ssrc, Math.floor(index / TWO_POW_16), index & 0xffff)
    const body = offset + headerLength
    const authentic = cipher.open(
      memory,
      offset,
      headerLength,
      0,
      0,
      body,
      plainLength - headerLength,
      offset + plainLength,
    )
    return authentic ? plainLength : -1
  }

  /**
   * Layout (RFC 7714 section 9.2): header | encrypted rest | tag | E + index; the associated data is the header and the last word.
   */
  protectRtcp(out: NativeMemory, offset: number, length: number, index: number): number {
    if (length < RTCP_HEADER_BYTES) return -1
    const cipher = this.#rtcp ?? this.#rtcpCipher()
    const view = out.view
    const tag = offset + length
    const trailer = tag + GCM_TAG_BYTES
    view.setUint32(trailer, (ENCRYPTED_FLAG | index) >>> 0)
    writeIv(this.#rtcpSalt, view.getUint32(offset + 4), index >>> 16, index & 0xffff)
    const body = offset + RTCP_HEADER_BYTES
    const sealed = cipher.sealInPlace(
      out,
      offset,
      RTCP_HEADER_BYTES,
      trailer,
      INDEX_BYTES,
      body,
      length - RTCP_HEADER_BYTES,
      tag,
    )
    return sealed ? length + GCM_TAG_BYTES + INDEX_BYTES : -1
  }

  unprotectRtcp(memory: NativeMemory, offset: number, length: number): number {
    const plainLength = length - GCM_TAG_BYTES - INDEX_BYTES
    if (plainLength < RTCP_HEADER_BYTES) return -1
    const view = memory.view
    const trailer = offset + length - INDEX_BYTES
    const word = view.getUint32(trailer)
    if ((word & ENCRYPTED_FLAG) === 0) return -1 // authenticated only: nobody negotiates that with DTLS-SRTP
    const index = word & 0x7fffffff
    const cipher = this.#rtcp ?? this.#rtcpCipher()
    writeIv(this.#rtcpSalt, view.getUint32(offset + 4), index >>> 16, index & 0xffff)
    const body = offset + RTCP_HEADER_BYTES
    const bodyLength = plainLength - RTCP_HEADER_BYTES
    const authentic = cipher.open(
      memory,
      offset,
      RTCP_HEADER_BYTES,
      trailer,
      INDEX_BYTES,
      body,
      bodyLength,
      offset + plainLength,
    )
    return authentic ? plainLength : -1
  }

  rtcpIndex(memory: NativeMemory, offset: number, length: number): number {
    if (length < RTCP_HEADER_BYTES + GCM_TAG_BYTES + INDEX_BYTES) return -1
    return memory.view.getUint32(offset + length - INDEX_BYTES) & 0x7fffffff
  }

  free(): void {
    this.#rtp?.free()
    this.#rtcp?.free()
  }

  #rtpCipher(): AesGcm {
    this.#rtp = new AesGcm(deriveSessionKeys(this.#profile, this.#master, 'rtp').encryption, this.#direction)
    return this.#rtp
  }

  #rtcpCipher(): AesGcm {
    this.#rtcp = new AesGcm(
      deriveSessionKeys(this.#profile, this.#master, 'rtcp').encryption,
      this.#direction,
    )
    return this.#rtcp
  }
}

/**
 * IV = salt XOR (0x0000 | SSRC | 48-bit index) (RFC 7714 sections 8.1 and 9.1).
 * @param high upper 32 bits of the index; @param low its lower 16.
 */
function writeIv(salt: Uint8Array, ssrc: number, high: number, low: number): void {
  const bytes = iv.bytes
  bytes[0] = salt[0] as number
  bytes[1] = salt[1] as number
  bytes[2] = (salt[2] as number) ^ (ssrc >>> 24)
  bytes[3] = (salt[3] as number) ^ (ssrc >>> 16)
  bytes[4] = (salt[4] as number) ^ (ssrc >>> 8)
  bytes[5] = (salt[5] as number) ^ ssrc
  bytes[6] = (salt[6] as number) ^ (high >>> 24)
  bytes[7] = (salt[7] as number) ^ (high >>> 16)
  bytes[8] = (salt[8] as number) ^ (high >>> 8)
  bytes[9] = (salt[9] as number) ^ high
  bytes[10] = (salt[10] as number) ^ (low >>> 8)
  bytes[11] = (salt[GCM_IV_BYTES - 1] as number) ^ low
}
