/** The bounds that forwarding works under, in one object, so that the media thread can set them and tests can shrink them. */

export interface ForwardingLimits {
  /** Bytes of packets kept per video encoding. */
  readonly packetStoreBytes: number
  /** Bytes of packets kept per audio track. */
  readonly audioPacketStoreBytes: number
  /** Packets older than this need not be kept. */
  readonly packetStoreMs: number
  /** Whether viewers that join are sent the packets since the last keyframe at once. */
  readonly instantStart: boolean
  /** A last keyframe and what followed are not sent at once where they have more bytes. */
  readonly instantStartBytes: number
  /** A last keyframe that is older is not sent. */
  readonly instantStartMs: number
  /** A keyframe is asked of a publisher at most once in this interval; repetitions wait longer and longer. */
  readonly keyframeRequestIntervalMs: number
  /** The longest wait between two repeated keyframe requests. */
  readonly maxKeyframeRequestIntervalMs: number
  /** Where keyframes of a payload cannot be told, a viewer is sent the stream after waiting so long. */
  readonly unknownKeyframeWaitMs: number
  /** Upper bound that a publisher is told by REMB, in bits per second. */
  readonly maxPublishBitrate: number
  /** SSRCs looked after per publisher, those it has given up included. */
  readonly maxSsrcs: number
  /** An encoding that sent nothing for so long counts as switched off. */
  readonly inactiveSourceMs: number
  /** Retransmitted bytes to one viewer, as a share of the bytes forwarded to it. */
  readonly retransmissionShare: number
  /** What may be retransmitted to one viewer at once, in bytes. */
  readonly retransmissionBurstBytes: number
}

export const defaultForwardingLimits: ForwardingLimits = {
  // 4 MiB is 13 s at 2.5 Mbit/s: room for the longest group of pictures that encoders make by default.
  packetStoreBytes: 4 * 1024 * 1024,
  // 8 s of 128 kbit/s Opus; it is read by retransmission alone.
  audioPacketStoreBytes: 128 * 1024,
  // Longer than the keyframe interval of common encoders (2 to 4 s, at most 10 s).
  packetStoreMs: 10_000,
  instantStart: true,
  // Less than the store, so that nothing of it is overwritten while it is sent.
  instantStartBytes: 3 * 1024 * 1024,
  // Decoding it takes a second or so on slow devices.
  instantStartMs: 8_000,
  keyframeRequestIntervalMs: 500,
  // A publisher that ignores requests (OBS, FFmpeg) is not worth more than this.
  maxKeyframeRequestIntervalMs: 8_000,
  // Long enough for a request to be answered over a slow path, short enough for people to wait.
  unknownKeyframeWaitMs: 1_000,
  maxPublishBitrate: 20_000_000,
  // Three encodings with RTX and one audio track are seven; the rest is for restarts.
  maxSsrcs: 64,
  // Some pause for a second while they reconfigure.
  inactiveSourceMs: 2_000,
  // A third of all packets lost, twice over, is beyond repair anyway.
  retransmissionShare: 0.75,
  // One large keyframe.
  retransmissionBurstBytes: 512 * 1024,
}
