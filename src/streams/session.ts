/** One publisher or one viewer, from its 201 to its end. */
import type {
  BundleTransport,
  GatewayCandidate,
  GatewayTransport,
  PublishedMedia,
  ViewerMedia,
} from '../sdp/index.ts'
import type { LayerSelection } from './layer-selection.ts'
import type { EndReason, PlayedTrack, SessionId, StreamName } from '../media/contract.ts'

interface SessionBase {
  readonly id: SessionId
  readonly stream: StreamName
  readonly openedAtMs: number
  bundle: BundleTransport
  /** Ours of the present ICE session: the newest, whether or not a check has come for it. */
  localUfrag: string
  /** While the newest one waits for its first check: that of the ICE session that is still in use. */
  confirmedUfrag: string | undefined
  /** The client's ICE credentials: a PATCH with others asks for an ICE restart (RFC 9725 section 4.3.3). */
  remoteUfrag: string
  remotePassword: string
  /** Those of the client's last ICE sessions before the present one, the newest last. */
  formerRemoteUfrags: readonly string[]
  /** True once ICE and DTLS were complete. */
  connected: boolean
}

export interface PublisherSession extends SessionBase {
  readonly role: 'publisher'
  /** Connected, but has sent no media for a while: it may have crashed. */
  silent: boolean
  readonly media: PublishedMedia
  /** The simulcast layers of its video; empty where there is one encoding. */
  readonly rids: readonly string[]
}

export interface ViewerSession extends SessionBase {
  readonly role: 'viewer'
  /** What its answer said that it would get. */
  promised: ViewerMedia
  /** What the viewer was offered and has not answered yet; the media wing does not know of it before. */
  counterOffer: PendingCounterOffer | undefined
  video: { readonly index: number; readonly mid: string } | undefined
  /** Undefined where the gateway chooses. */
  layer: LayerSelection | undefined
}

export interface PendingCounterOffer {
  readonly gateway: GatewayTransport
  readonly media: PublishedMedia
  readonly tracks: readonly PlayedTrack[]
  readonly cancelExpiry: () => void
}

export type Session = PublisherSession | ViewerSession

/** A session as the HTTP endpoints see it. */
export type SessionView = Readonly<SessionBase> & { readonly role: 'publisher' | 'viewer' }

export interface CounterOfferedSession {
  readonly id: SessionId
  readonly localUfrag: string
  readonly offer: string
  /** How long it waits for the answer. */
  readonly validForMs: number
}

export interface RemoteIceCredentials {
  readonly remoteUfrag: string
  readonly remotePassword: string
}

/** What a client has to know of our side after an ICE restart. */
export interface IceRestart {
  readonly ufrag: string
  readonly password: string
  readonly candidates: readonly GatewayCandidate[]
  readonly bundle: BundleTransport
}

export interface OpenedSession {
  readonly id: SessionId
  readonly localUfrag: string
  /** The SDP answer. */
  readonly answer: string
}

/** What happens to sessions and streams, for the log and later for event streams and metrics. */
export type StreamsEvent =
  | { readonly type: 'session-opened'; readonly session: SessionView }
  | {
      readonly type: 'session-connected'
      readonly session: SessionView
      readonly remoteAddress: string
      readonly srtpProfile: string
    }
  | { readonly type: 'ice-restarted'; readonly session: SessionView }
  | { readonly type: 'first-packet'; readonly session: SessionView; readonly afterMs: number }
  /** Exactly one for each opened session. */
  | {
      readonly type: 'session-ended'
      readonly session: SessionView
      readonly reason: EndReason
      readonly detail: string | undefined
      readonly lastedMs: number
    }
  | {
      readonly type: 'publisher-awaited'
      readonly stream: StreamName
      readonly viewers: number
      /** Undefined where viewers may stay without a publisher. */
      readonly forMs: number | undefined
    }
  | { readonly type: 'publisher-resumed'; readonly stream: StreamName; readonly viewers: number }
  | { readonly type: 'stream-ended'; readonly stream: StreamName }
