/** What both SRTP profiles offer (RFC 3711, RFC 7714): protection in one direction, over native memory. */
import type { NativeMemory } from '../native/memory.ts'

/** Turns plain packets into protected ones. All offsets are into the given memory; nothing is allocated per packet. */
export interface SrtpEncryptor {
  /**
   * Protects an RTP packet whose header (`headerLength`) and prefix (`prefixLength`) stand at `offset` of `out`; the payload is read
   * from elsewhere and not changed. @returns the length of the protected packet, or -1 when the cipher refused.
   */
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
  ): number
  /** Protects the compound RTCP packet at `offset` in place. @returns its new length, or -1. */
  protectRtcp(out: NativeMemory, offset: number, length: number, index: number): number
  free(): void
}

/** Turns protected packets back into plain ones, in place. */
export interface SrtpDecryptor {
  /** @returns the length of the plain packet (header and payload), or -1 where it is not authentic. */
  unprotectRtp(
    memory: NativeMemory,
    offset: number,
    length: number,
    headerLength: number,
    ssrc: number,
    index: number,
  ): number
  /** @returns the length of the plain packet, or -1 where it is not authentic. The index is read by `rtcpIndex` first. */
  unprotectRtcp(memory: NativeMemory, offset: number, length: number): number
  /** The 31-bit SRTCP index that a packet claims; -1 where the packet is too short. */
  rtcpIndex(memory: NativeMemory, offset: number, length: number): number
  free(): void
}

/** Smallest RTCP packet: header and sender SSRC. */
export const RTCP_HEADER_BYTES = 8
