/**
 * The hallway between the control wing (main thread) and the media wing (worker thread): commands go in, events come out,
 * both made of plain data that survives a structured clone. Nothing else crosses.
 */
import type { CodecName, HeaderExtensionIds, MediaKind } from './rtp/codecs.ts'

/** The unguessable id in a session's URL. */
export type SessionId = string

/** The name of a stream, as in `/whip/{stream}`. */
export type StreamName = string

/** What a worker thread is started with (`workerData`). */
export interface MediaThreadOptions {
  /** UDP port for all sessions; 0 lets the system choose one. */
  readonly port: number
  /** Local IP addresses to bind; empty for every address of the machine. */
  readonly addresses: readonly string[]
  /** The process's DTLS certificate and its key, both DER (key: PKCS #8). */
  readonly certificate: Uint8Array
  readonly privateKey: Uint8Array
  /** A session whose peer has sent no valid STUN check for so long has lost consent (RFC 7675 section 5.1) and ends. */
  readonly consentTimeoutMs: number
  /** A session that is not connected (ICE and DTLS) by then ends. */
  readonly connectTimeoutMs: number
  /** Packets kept for retransmission and for an instant start: bounds per video source. */
  readonly packetStoreBytes: number
  /** Whether viewers that join are sent the packets since the last keyframe at once, and up to which size and age of them. */
  readonly instantStart: boolean
  readonly instantStartBytes: number
  readonly instantStartMs: number
  /** A keyframe is asked of a publisher at most once in this interval. */
  readonly keyframeRequestIntervalMs: number
  /** Upper bound that publishers are told by REMB, in bits per second. */
  readonly maxPublishBitrate: number
  /** 'native' is sendmmsg and UDP GSO (Linux), 'portable' is node:dgram; 'auto' chooses. */
  readonly udpSender: 'auto' | 'native' | 'portable'
}

export interface Fingerprint {
  /** Hash function's name as in `a=fingerprint` (RFC 8122), lower case: 'sha-256', 'sha-384', 'sha-512', 'sha-1'. */
  readonly algorithm: string
  /** Upper-case hex bytes, separated by colons. */
  readonly value: string
}

/** What ICE-lite and DTLS need to know of one bundled transport. */
export interface TransportParameters {
  readonly localUfrag: string
  readonly localPassword: string
  readonly remoteUfrag: string
  readonly remotePassword: string
  /** Our role: 'server' waits for the ClientHello (a=setup:passive), 'client' sends it (a=setup:active). */
  readonly dtlsRole: 'client' | 'server'
  readonly remoteFingerprints: readonly Fingerprint[]
}

/** The credentials of one ICE session (RFC 8445 section 5.3), both ends'. */
export type IceCredentials = Pick<
  TransportParameters,
  'localUfrag' | 'localPassword' | 'remoteUfrag' | 'remotePassword'
>

/** Feedback that was negotiated by `a=rtcp-fb` (RFC 4585, RFC 5104). */
export interface Feedback {
  readonly nack: boolean
  readonly pli: boolean
  readonly fir: boolean
  readonly transportCc: boolean
  readonly remb: boolean
}

/** One encoding of a published track: one, or one per simulcast RID. Where the SSRC is not in the SDP, MID and RID tell. */
export interface PublishedEncoding {
  readonly rid?: string
  readonly ssrc?: number
  readonly rtxSsrc?: number
}

/** One m-section that a publisher sends. */
export interface PublishedTrack {
  readonly mid: string
  readonly kind: MediaKind
  readonly codec: CodecName
  readonly clockRate: number
  readonly payloadType: number
  readonly rtxPayloadType?: number
  readonly extensions: HeaderExtensionIds
  readonly feedback: Feedback
  /** H.264 and H.265: NAL units of the parameter sets that the SDP told (`sprop-parameter-sets` and the like). */
  readonly parameterSets?: readonly Uint8Array[]
  /** At least one; in the order of `a=simulcast`, else a single one. */
  readonly encodings: readonly PublishedEncoding[]
}

/** One m-section that a viewer receives. */
export interface PlayedTrack {
  readonly mid: string
  readonly kind: MediaKind
  readonly codec: CodecName
  readonly clockRate: number
  readonly payloadType: number
  readonly rtxPayloadType?: number
  readonly ssrc: number
  readonly rtxSsrc?: number
  readonly cname: string
  readonly extensions: HeaderExtensionIds
  readonly feedback: Feedback
}

export type MediaCommand =
  | {
      readonly type: 'open-publisher'
      readonly session: SessionId
      readonly stream: StreamName
      readonly transport: TransportParameters
      readonly tracks: readonly PublishedTrack[]
    }
  | {
      readonly type: 'open-viewer'
      readonly session: SessionId
      readonly stream: StreamName
      readonly transport: TransportParameters
      readonly tracks: readonly PlayedTrack[]
    }
  /** Ends a session: RTCP BYE, DTLS close_notify, everything freed. Answered by 'closed'. Unknown sessions are ignored. */
  | { readonly type: 'close-session'; readonly session: SessionId; readonly reason: EndReason }
  /**
   * ICE restart (RFC 8445 section 9): checks with the new credentials are taken from now on, those with the old ones until the first with the new
   * ones, which is told by 'ice-restarted'. A restart that is asked for before that replaces the one that waits. Unknown sessions are ignored.
   */
  | ({ readonly type: 'restart-ice'; readonly session: SessionId } & IceCredentials)
  /** Answered by 'statistics' with the same `request`. */
  | { readonly type: 'get-statistics'; readonly request: number }
  /** Ends every session as 'close-session' would, then the thread exits with code 0. */
  | { readonly type: 'shut-down' }

/** Why a session ended. */
export type EndReason =
  /** DELETE on the session URL. */
  | 'deleted'
  /** The peer sent a DTLS close_notify (or RTCP BYE and then silence). */
  | 'closed-by-peer'
  /** No valid STUN check for `consentTimeoutMs`. */
  | 'consent-expired'
  /** ICE or DTLS not completed within `connectTimeoutMs`. */
  | 'connect-timeout'
  /** The DTLS handshake failed, or the peer's certificate is not the one in its SDP. */
  | 'dtls-failed'
  /** The stream that a viewer watched is gone, or its codec is one the viewer did not offer. */
  | 'stream-ended'
  /** Another publisher took the stream over. */
  | 'replaced'
  /** The gateway is shutting down. */
  | 'shutdown'
  /** A defect: see the log. */
  | 'internal-error'

export type MediaEvent =
  /** The sockets are open; commands are taken from now on. Said again whenever the machine's addresses have changed. */
  | {
      readonly type: 'listening'
      readonly addresses: readonly ListeningAddress[]
      readonly sender: 'native' | 'portable'
    }
  /** ICE and DTLS are complete, media may flow. */
  | {
      readonly type: 'connected'
      readonly session: SessionId
      readonly remoteAddress: string
      readonly srtpProfile: string
    }
  /** The first valid check of a restarted ICE session came: `localUfrag` is the one in use now, and the only one. */
  | { readonly type: 'ice-restarted'; readonly session: SessionId; readonly localUfrag: string }
  /** A publisher's first media packet came, or a viewer was sent its first. */
  | { readonly type: 'first-packet'; readonly session: SessionId }
  /** A connected publisher has sent no media for PUBLISHER_SILENCE_MS, or sends again after that. */
  | { readonly type: 'publisher-silent'; readonly session: SessionId; readonly silent: boolean }
  /** Always the last event of a session. `detail` is for the log. */
  | {
      readonly type: 'closed'
      readonly session: SessionId
      readonly reason: EndReason
      readonly detail?: string
    }
  | { readonly type: 'statistics'; readonly request: number; readonly statistics: MediaStatistics }
  /** About once a second while anything is received or sent: what left the sockets since the last one, UDP payload. */
  | { readonly type: 'load'; readonly sentBitsPerSecond: number }
  /** Something for the log that is not about a single session's end. */
  | {
      readonly type: 'log'
      readonly level: 'debug' | 'info' | 'warn' | 'error'
      readonly message: string
      readonly details?: Record<string, unknown>
    }

export interface ListeningAddress {
  readonly address: string
  readonly family: 4 | 6
  readonly port: number
}

export interface MediaStatistics {
  /** Packets that were not used, by reason. */
  readonly dropped: Readonly<Record<string, number>>
  readonly received: { readonly packets: number; readonly bytes: number }
  readonly sent: { readonly packets: number; readonly bytes: number }
  readonly sessions: readonly SessionStatistics[]
  /** What must return to its resting value when all sessions have ended. */
  readonly resources: {
    readonly sessions: number
    readonly streams: number
    readonly nativeBytes: number
    readonly openSslObjects: number
    readonly timers: number
  }
}

export interface SessionStatistics {
  readonly session: SessionId
  readonly stream: StreamName
  readonly role: 'publisher' | 'viewer'
  readonly state: 'connecting' | 'connected'
  readonly remoteAddress?: string
  readonly packetsReceived: number
  readonly bytesReceived: number
  readonly packetsSent: number
  readonly bytesSent: number
  readonly packetsLost: number
  readonly nacksSent: number
  readonly nacksReceived: number
  readonly retransmitted: number
  readonly keyframeRequests: number
  readonly keyframes: number
  readonly roundTripTimeMs?: number
}
