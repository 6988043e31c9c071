/** What the forwarding rules need of the world around them; transport and network provide it, tests fake it. */

/**
 * A block of memory that holds packets. It never moves and lives as long as its thread or until it is freed, so that native code
 * may be given its address. Forwarding reads and writes it like any other bytes.
 */
export interface PacketMemory {
  readonly bytes: Uint8Array
  readonly view: DataView
}

/** Gives and takes blocks of packet memory. `allocate` throws when the configured bound of the thread is reached. */
export interface PacketMemoryPool {
  allocate(lengthBytes: number): PacketMemory
  free(memory: PacketMemory): void
}

/** The way out to one viewer: the packet is assembled where it will be sent from, so that nothing is copied twice. */
export interface RtpSink {
  /**
   * Opens room for one packet of at most `maxLengthBytes` (header, extensions and payload; room for the SRTP tag is added).
   * The caller then writes header (and prefix) at the returned offset of `out()`. Returns -1 while the viewer cannot be sent to
   * (not connected, or the send buffer is full): the packet is to be skipped. Every call is followed by `sendRtp` or by nothing
   * at all (a second `begin` drops the first).
   */
  begin(maxLengthBytes: number): number
  /** The memory that `begin`'s offset points into. May change from one `begin` to the next; never keep it. */
  out(): PacketMemory
  /**
   * Encrypts and queues the packet begun at `offset`. The `headerLength` bytes there are authenticated only, the `prefixLength` bytes behind
   * them (RTX's original sequence number, a rewritten payload descriptor) are encrypted in front of the payload, and the
   * payload is read from `payload`, which is not changed. The SRTP index is the extended sequence number (RFC 3711 section 3.3.1).
   */
  sendRtp(
    offset: number,
    headerLength: number,
    prefixLength: number,
    payload: PacketMemory,
    payloadOffset: number,
    payloadLength: number,
    ssrc: number,
    extendedSequenceNumber: number,
  ): void
  /** Encrypts and queues one compound (or reduced-size) RTCP packet; `bytes` may be reused at once. */
  sendRtcp(bytes: Uint8Array, length: number): void
}

/** The way back to a publisher: RTCP only. */
export type RtcpSink = Pick<RtpSink, 'sendRtcp'>
