/** What the streams need of SDP: reading an offer and answering it for a publisher or a viewer; `sdp/` provides it, tests fake it. */
import type {
  Fingerprint,
  ListeningAddress,
  PlayedTrack,
  PublishedTrack,
  TransportParameters,
} from '../media/contract.ts'

/** Our side of one new session, as its answer shows it. */
export interface LocalDescription {
  readonly ufrag: string
  readonly password: string
  readonly fingerprint: Fingerprint
  /** Host candidates, the best first. */
  readonly candidates: readonly ListeningAddress[]
  /** Decimal number for the `o=` line. */
  readonly sdpSessionId: string
}

export interface ViewerIdentity {
  /** A new SSRC at each call. */
  readonly ssrc: () => number
  readonly cname: string
  readonly streamId: string
}

/**
 * `Media` is what a publisher sends, `Promised` what a viewer was told it would get; both are opaque here.
 * Reading and answering throw `Problem` for what cannot be accepted.
 */
export interface Negotiation<Offer, Media, Promised> {
  parseOffer(sdp: string): Offer
  answerPublish(offer: Offer, local: LocalDescription): PublishAnswer<Media>
  answerPlay(
    offer: Offer,
    local: LocalDescription,
    media: Media,
    identity: ViewerIdentity,
  ): PlayAnswer<Promised>
  /** Whether a viewer can go on with another publisher without a new offer. */
  continues(promised: Promised, media: Media): boolean
}

export interface PublishAnswer<Media> {
  readonly answer: string
  readonly transport: TransportParameters
  readonly tracks: readonly PublishedTrack[]
  /** What a viewer's answer has to know of the publication. */
  readonly media: Media
}

export interface PlayAnswer<Promised> {
  readonly answer: string
  readonly transport: TransportParameters
  readonly tracks: readonly PlayedTrack[]
  readonly promised: Promised
}
