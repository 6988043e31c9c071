/**
 * Answers a viewer's offer (draft-ietf-wish-whep section 4): of each kind that the publisher sends, one
 * m-section gets it.
 */
import type { PlayedTrack, TransportParameters } from '../media/contract.ts'
import type { CodecName, MediaKind } from '../media/rtp/codecs.ts'
import { answeredFormats, negotiateFormat, viewerParameters } from './answer-format.ts'
import { writeAnswer, type AcceptedSection } from './answer-text.ts'
import {
  answerSetup,
  bundleTransport,
  taggedSection,
  transportParameters,
  type BundleTransport,
} from './answer-transport.ts'
import { codecOf, describeFormat, mediaFormat, playDistance } from './codec-match.ts'
import type { GatewayTransport } from './gateway-transport.ts'
import { extensionIds } from './header-extensions.ts'
import { codecMismatch, incomplete, unusableMedia, wrongDirection } from './offer-problem.ts'
import type { Format, MediaSection, Offer } from './offer.ts'
import type { MediaFormat, PublishedMedia, ViewerMedia } from './published-media.ts'

export interface PlayIdentifiers {
  /**
   * A random SSRC that the session does not use yet, 1 to 2^32 - 1; called once for media and once for RTX of
   * each track.
   */
  readonly ssrc: () => number
  /** RTCP CNAME and msid stream id (RFC 8830): tokens without spaces. */
  readonly cname: string
  readonly streamId: string
}

export interface PlayAnswer {
  readonly answer: string
  readonly transport: TransportParameters
  readonly bundle: BundleTransport
  /** The video m-section's place in the SDP, and its mid. */
  readonly video: { readonly index: number; readonly mid: string } | undefined
  readonly tracks: PlayedTrack[]
  /** To be kept with the session and asked of `playableWith` when another publisher takes the stream over. */
  readonly viewer: ViewerMedia
}

/** @throws Problem 'wrong-direction', 'unusable-media' or 'codec-mismatch' (422). */
export function answerPlay(
  offer: Offer,
  gateway: GatewayTransport,
  media: PublishedMedia,
  ids: PlayIdentifiers,
): PlayAnswer {
  const sections = playableSections(offer)
  const played = (['audio', 'video'] as const).flatMap((kind) => {
    const section = sections.find((candidate) => candidate.kind === kind)
    const sent = media[kind]
    return section === undefined || sent === undefined ? [] : [playSection(section, sent, ids)]
  })
  if (played.length === 0)
    throw codecMismatch(`the publisher sends ${media.summary}; your offer has ${kindsOf(sections)} only`)
  const accepted = new Map(played.map(({ answer }) => [answer.offered.index, answer]))
  const kept = keptTag(offer, accepted)
  if (kept !== undefined) accepted.set(kept.offered.index, kept)
  const tagged = taggedSection(offer, (section) => accepted.has(section.index))
  if (tagged === undefined) throw incomplete('no m-section of its BUNDLE group can carry the others')
  const shown = played.find(({ format }) => format.kind === 'video')?.answer.offered
  const [audio, video] = (['audio', 'video'] as const).map(
    (kind) => played.find(({ format }) => format.kind === kind)?.format,
  )
  return {
    answer: writeAnswer(offer, gateway, accepted, tagged, answerSetup(tagged.setup)),
    transport: transportParameters(tagged, gateway),
    bundle: bundleTransport(offer, accepted, tagged),
    video: shown && { index: shown.index, mid: shown.mid },
    tracks: played.map(({ track }) => track),
    viewer: { ...(audio && { audio }), ...(video && { video }) },
  }
}

function kindsOf(sections: readonly MediaSection[]): string {
  return [...new Set(sections.map((section) => section.kind))].join(' and ')
}

/** The live audio and video m-sections, all of which receive. */
function playableSections(offer: Offer): MediaSection[] {
  const sections = offer.media.filter((section) => section.live && section.kind !== 'other')
  if (sections.length === 0) throw unusableMedia('it has no m-section of audio or video that is switched on')
  for (const { kind, mid, direction } of sections) {
    if (direction === 'recvonly' || direction === 'sendrecv') continue
    throw wrongDirection(`its ${kind} (mid ${mid}) is ${direction}; to play, offer recvonly or sendrecv`)
  }
  return sections
}

function playSection(
  section: MediaSection,
  sent: MediaFormat,
  ids: PlayIdentifiers,
): { answer: AcceptedSection; track: PlayedTrack; format: MediaFormat } {
  const format = chooseFormat(section, sent)
  const negotiated = negotiateFormat(section, format, 'send')
  const ssrc = ids.ssrc()
  const rtxSsrc = negotiated.rtx === undefined ? undefined : ids.ssrc()
  const { cname, streamId } = ids
  return {
    answer: {
      offered: section,
      direction: 'sendonly',
      formats: answeredFormats(negotiated, viewerParameters(format.parameters, sent.codec, sent.parameters)),
      extensions: negotiated.extensions,
      rids: [],
      simulcast: [],
      source: { cname, streamId, trackId: `${streamId}-${sent.kind}`, ssrc, rtxSsrc },
    },
    track: {
      mid: section.mid,
      kind: sent.kind,
      codec: sent.codec,
      clockRate: format.clockRate,
      payloadType: format.payloadType,
      ...(negotiated.rtx && { rtxPayloadType: negotiated.rtx.payloadType }),
      ssrc,
      ...(rtxSsrc !== undefined && { rtxSsrc }),
      cname,
      extensions: extensionIds(negotiated.extensions),
      feedback: negotiated.feedback,
    },
    format: mediaFormat(format, sent.kind, sent.codec, section.mid),
  }
}

/** The viewer's format that comes closest to what is sent; of several, the one that it prefers. */
function chooseFormat(section: MediaSection, sent: MediaFormat): Format {
  const offered = supportedFormats(section, sent.kind)
  let chosen: Format | undefined
  let least = Infinity
  for (const { format, codec } of offered) {
    const distance = playDistance(sent, mediaFormat(format, sent.kind, codec, section.mid))
    if (distance === undefined || distance >= least) continue
    chosen = format
    least = distance
  }
  if (chosen !== undefined) return chosen
  const descriptions = offered.map(({ format, codec }) =>
    describeFormat(mediaFormat(format, sent.kind, codec, section.mid)),
  )
  const list = [...new Set(descriptions)].join(', ') || `no ${sent.kind} codec that the gateway knows`
  throw codecMismatch(`the publisher sends ${describeFormat(sent)}; your offer has ${list}`)
}

function supportedFormats(section: MediaSection, kind: MediaKind): { format: Format; codec: CodecName }[] {
  return section.formats.flatMap((format) => {
    const codec = codecOf(format, kind)
    return codec === undefined ? [] : [{ format, codec }]
  })
}

/**
 * The suggested tagged m-section where the publisher has nothing for it. Clients have made their transport
 * for that one: it stays, inactive, instead of being refused, which RFC 9143 section 7.3 does not even allow
 * when the rest is bundle-only.
 */
function keptTag(offer: Offer, accepted: ReadonlyMap<number, AcceptedSection>): AcceptedSection | undefined {
  const section = taggedSection(offer, (candidate) => candidate.live && candidate.kind !== 'other')
  if (section === undefined || section.kind === 'other' || accepted.has(section.index)) return undefined
  if (!offer.bundle.includes(section.mid)) return undefined
  const [first] = supportedFormats(section, section.kind)
  if (first === undefined) return undefined
  const { payloadType, encoding, parameters } = first.format
  const formats = [{ payloadType, encoding, parameters, feedback: [] }]
  return {
    offered: section,
    direction: 'inactive',
    formats,
    extensions: [],
    rids: [],
    simulcast: [],
    source: undefined,
  }
}
