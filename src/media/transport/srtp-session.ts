/** SRTP contexts of one session: roll-over counters and replay windows per SSRC (RFC 3711 section 3.2.3) over either profile. */
import type { NativeMemory } from '../native/memory.ts'
import type { RtpHeader } from '../rtp/rtp-header.ts'
import { extendSequenceNumber } from '../rtp/sequence-number.ts'
import type { ExtendedSequenceNumber } from '../rtp/sequence-number.ts'
import { ReplayWindow } from './replay-window.ts'
import { CounterModeProtection } from './srtp-counter-mode.ts'
import { GcmProtection } from './srtp-gcm.ts'
import type { SrtpMasterKey, SrtpProfile } from './srtp-keys.ts'
import type { SrtpDecryptor, SrtpEncryptor } from './srtp-protection.ts'

/** SSRCs that one peer may use at a time: three simulcast layers and audio, each with RTX, leave room for several restarts. */
export const MAX_SSRCS_PER_PEER = 32

/** Why a packet was not unprotected; also the name under which it is counted. */
export type SrtpRejection = 'srtp-replay' | 'srtp-not-authentic' | 'srtp-too-many-ssrcs'

/** The receiving side of a session. */
export class SrtpReceiver {
  readonly #decryptor: SrtpDecryptor
  readonly #rtp = new Map<number, ReplayWindow>()
  readonly #rtcp = new Map<number, ReplayWindow>()
  /** Index of the packet that was unprotected last: its extended sequence number. */
  index = 0 as ExtendedSequenceNumber
  /** Length of the plain packet that was unprotected last. */
  length = 0

  constructor(profile: SrtpProfile, master: SrtpMasterKey) {
    this.#decryptor =
      profile.name === 'AEAD_AES_128_GCM'
        ? new GcmProtection(profile, master, 'decrypt')
        : new CounterModeProtection(profile, master)
  }

  /** Unprotects in place. On success (`undefined`), `index` and `length` tell the rest; state changes for authentic packets only. */
  unprotectRtp(
    memory: NativeMemory,
    offset: number,
    length: number,
    header: RtpHeader,
  ): SrtpRejection | undefined {
    const known = this.#rtp.get(header.ssrc)
    if (known === undefined && this.#rtp.size >= MAX_SSRCS_PER_PEER) return 'srtp-too-many-ssrcs'
    // The first packet of an SSRC begins with roll-over counter 0 (RFC 3711 section 3.3.1).
    const index =
      known === undefined
        ? (header.sequenceNumber as number as ExtendedSequenceNumber)
        : extendSequenceNumber(known.highest as ExtendedSequenceNumber, header.sequenceNumber)
    if (known?.isReplay(index) === true) return 'srtp-replay'
    const plain = this.#decryptor.unprotectRtp(
      memory,
      offset,
      length,
      header.headerLength,
      header.ssrc,
      index,
    )
    if (plain < 0) return 'srtp-not-authentic'
    const window = known ?? new ReplayWindow()
    if (known === undefined) this.#rtp.set(header.ssrc, window)
    window.add(index)
    this.index = index
    this.length = plain
    return undefined
  }

  /** As `unprotectRtp`, for SRTCP. */
  unprotectRtcp(memory: NativeMemory, offset: number, length: number): SrtpRejection | undefined {
    const index = this.#decryptor.rtcpIndex(memory, offset, length)
    if (index < 0) return 'srtp-not-authentic'
    const ssrc = memory.view.getUint32(offset + 4)
    const known = this.#rtcp.get(ssrc)
    if (known === undefined && this.#rtcp.size >= MAX_SSRCS_PER_PEER) return 'srtp-too-many-ssrcs'
    if (known?.isReplay(index) === true) return 'srtp-replay'
    const plain = this.#decryptor.unprotectRtcp(memory, offset, length)
    if (plain < 0) return 'srtp-not-authentic'
    const window = known ?? new ReplayWindow()
    if (known === undefined) this.#rtcp.set(ssrc, window)
    window.add(index)
    this.length = plain
    return undefined
  }

  free(): void {
    this.#decryptor.free()
  }
}

/** The sending side of a session. RTP indices are given by the caller, RTCP ones counted here. */
export class SrtpSender {
  readonly #encryptor: SrtpEncryptor
  readonly rtpOverheadBytes: number
  readonly rtcpOverheadBytes: number
  /** One counter for all SSRCs: unique per key and SSRC, which is what the ciphers need. */
  #rtcpIndex = 0

  constructor(profile: SrtpProfile, master: SrtpMasterKey) {
    this.rtpOverheadBytes = profile.rtpOverheadBytes
    this.rtcpOverheadBytes = profile.rtcpOverheadBytes
    this.#encryptor =
      profile.name === 'AEAD_AES_128_GCM'
        ? new GcmProtection(profile, master, 'encrypt')
        : new CounterModeProtection(profile, master)
  }

  /** See `SrtpEncryptor.protectRtp`. */
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
    return this.#encryptor.protectRtp(
      out, offset, headerLength, prefixLength, payload, payloadOffset, payloadLength, ssrc, index,
    ) // prettier-ignore
  }

  /** Protects the RTCP packet at `offset` in place. @returns its new length, or -1. */
  protectRtcp(out: NativeMemory, offset: number, length: number): number {
    this.#rtcpIndex = (this.#rtcpIndex + 1) % 0x80000000
    return this.#encryptor.protectRtcp(out, offset, length, this.#rtcpIndex)
  }

  free(): void {
    this.#encryptor.free()
  }
}
