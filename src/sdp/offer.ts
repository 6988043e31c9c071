/** What an SDP offer says, in our own plain terms (RFC 8866, RFC 9429 section 5.8). */
import type { Fingerprint } from '../media/contract.ts'
import type { MediaKind } from '../media/rtp/codecs.ts'

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'

/** `a=setup` (RFC 4145): who sends the ClientHello. */
export type Setup = 'actpass' | 'active' | 'passive'

/** Format parameters (`a=fmtp`) by lower-case name; a parameter without `=` has the empty string. */
export type FormatParameters = Readonly<Record<string, string>>

/** One payload type of an m-section. */
export interface Format {
  readonly payloadType: number
  /** The `a=rtpmap` value as it was offered, as in 'OPUS/48000/2'; answers repeat it. */
  readonly encoding: string
  readonly name: string
  readonly clockRate: number
  readonly channels: number
  readonly parameters: FormatParameters
  /** `a=rtcp-fb` values that hold for this format, `*` included, as in 'nack pli'. */
  readonly feedback: ReadonlySet<string>
}

/** `a=extmap` (RFC 8285); the direction is as seen by who wrote it. */
export interface OfferedExtension {
  readonly id: number
  readonly uri: string
  readonly direction: Direction
  /** True where the direction was written out: an answer then writes its own. */
  readonly directionGiven: boolean
}

/**
 * A candidate of the offer. ICE-lite sends no checks, so that these serve the log alone; mDNS names stay
 * names.
 */
export interface OfferedCandidate {
  readonly protocol: string
  readonly address: string
  readonly port: number
  readonly type: string
}

/** `a=rid` (RFC 8851). */
export interface Rid {
  readonly id: string
  readonly direction: 'send' | 'recv'
  /** Payload types that the rid is restricted to; empty for all. */
  readonly payloadTypes: readonly number[]
  /** The other restrictions as offered, as in 'max-width=1280;max-fps=30'; empty for none. */
  readonly restrictions: string
}

/** `a=ssrc-group` (RFC 5576): FID pairs media with RTX. */
export interface SsrcGroup {
  readonly semantics: string
  readonly ssrcs: readonly number[]
}

export interface MediaSection {
  /** Its place among the m-sections, from 0. */
  readonly index: number
  /**
   * `a=mid` (RFC 5888), unique in the offer. Empty in an m-section that has none, which cannot be accepted.
   */
  readonly mid: string
  /** 'other' for data channels and whatever else is not RTP audio or video over DTLS. */
  readonly kind: MediaKind | 'other'
  /** The m-line's media type, protocol and formats as offered: a refusal repeats them. */
  readonly type: string
  readonly protocol: string
  readonly formatList: string
  /** False for an m-line with port 0 that is not bundle-only: the offerer itself has switched it off. */
  readonly live: boolean
  /**
   * True where the m-line's port is 0 and `a=bundle-only` (RFC 9143 section 6) says that this is no refusal.
   */
  readonly bundleOnly: boolean
  readonly direction: Direction
  readonly setup: Setup
  /** Absent where neither the m-section nor the session has them. */
  readonly ice: { readonly ufrag: string; readonly password: string } | undefined
  readonly fingerprints: readonly Fingerprint[]
  readonly candidates: readonly OfferedCandidate[]
  readonly rtcpMux: boolean
  readonly rtcpReducedSize: boolean
  /** `a=extmap-allow-mixed` in this m-section (RFC 8285 section 6). */
  readonly extmapAllowMixed: boolean
  readonly formats: readonly Format[]
  readonly extensions: readonly OfferedExtension[]
  /** SSRCs in the order of their first `a=ssrc` line. */
  readonly ssrcs: readonly number[]
  readonly ssrcGroups: readonly SsrcGroup[]
  readonly rids: readonly Rid[]
  /**
   * The rids that `a=simulcast` (RFC 8853) says are sent, the first alternative of each stream; empty without
   * simulcast.
   */
  readonly simulcast: readonly string[]
  /** Stream id of `a=msid` (RFC 8830). */
  readonly streamId: string | undefined
}

export interface Offer {
  readonly media: readonly MediaSection[]
  /**
   * Mids of the BUNDLE group (RFC 9143) in its order; the first is the suggested tagged m-section. Empty
   * without bundling.
   */
  readonly bundle: readonly string[]
  /** `a=extmap-allow-mixed` for the whole session. */
  readonly extmapAllowMixed: boolean
}
