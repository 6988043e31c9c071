/** The codecs that the gateway passes through, and the header extensions that it understands, by their standard names. */

export type MediaKind = 'audio' | 'video'

export interface Codec {
  /** Encoding name as in `a=rtpmap`, in the spelling of its RFC. Compared without regard to case (RFC 4855 section 3). */
  readonly name: string
  readonly kind: MediaKind
  /** RTP clock rate in Hz. */
  readonly clockRate: number
}

/** RTP payload formats by name. */
export const codecs = {
  H264: { name: 'H264', kind: 'video', clockRate: 90_000 }, // RFC 6184
  H265: { name: 'H265', kind: 'video', clockRate: 90_000 }, // RFC 7798
  VP8: { name: 'VP8', kind: 'video', clockRate: 90_000 }, // RFC 7741
  VP9: { name: 'VP9', kind: 'video', clockRate: 90_000 }, // RFC 9628
  AV1: { name: 'AV1', kind: 'video', clockRate: 90_000 }, // AOMedia: RTP payload format for AV1
  opus: { name: 'opus', kind: 'audio', clockRate: 48_000 }, // RFC 7587
  multiopus: { name: 'multiopus', kind: 'audio', clockRate: 48_000 }, // libwebrtc's surround sound Opus
  PCMU: { name: 'PCMU', kind: 'audio', clockRate: 8_000 }, // RFC 3551 section 4.5.14
  PCMA: { name: 'PCMA', kind: 'audio', clockRate: 8_000 }, // RFC 3551 section 4.5.14
  G722: { name: 'G722', kind: 'audio', clockRate: 8_000 }, // RFC 3551 section 4.5.2: 8000 by tradition
} as const satisfies Record<string, Codec>

export type CodecName = keyof typeof codecs

/** RTP header extensions (RFC 8285) that are negotiated, by a short name. */
export const headerExtensionUris = {
  mid: 'urn:ietf:params:rtp-hdrext:sdes:mid', // RFC 9143 section 15.1
  rid: 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id', // RFC 8852
  repairedRid: 'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id', // RFC 8852
  transportWideCc: 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  absSendTime: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  absCaptureTime: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time',
  audioLevel: 'urn:ietf:params:rtp-hdrext:ssrc-audio-level', // RFC 6464
  videoOrientation: 'urn:3gpp:video-orientation', // 3GPP TS 26.114 section 7.4.5
  playoutDelay: 'http://www.webrtc.org/experiments/rtp-hdrext/playout-delay',
  dependencyDescriptor:
    'https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension',
} as const

export type HeaderExtensionName = keyof typeof headerExtensionUris

/** The id (1 to 255; 0 and 15 are not used) that one peer negotiated for each extension. */
export type HeaderExtensionIds = Partial<Record<HeaderExtensionName, number>>
