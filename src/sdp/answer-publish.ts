/**
 * Answers a publisher's offer (RFC 9725 section 4): everything offered is received, or the whole offer is
 * refused.
 */
import type { PublishedEncoding, PublishedTrack, TransportParameters } from '../media/contract.ts'
import { codecs, type CodecName } from '../media/rtp/codecs.ts'
import { answeredFormats, negotiateFormat, publisherParameters } from './answer-format.ts'
import { writeAnswer, type AcceptedSection } from './answer-text.ts'
import {
  answerSetup,
  bundleTransport,
  taggedSection,
  transportParameters,
  type BundleTransport,
} from './answer-transport.ts'
import { codecOf, describeFormat, isLastResort, mediaFormat } from './codec-match.ts'
import type { GatewayTransport } from './gateway-transport.ts'
import { extensionIds } from './header-extensions.ts'
import { incomplete, unusableMedia, wrongDirection } from './offer-problem.ts'
import type { Format, MediaSection, Offer, Rid } from './offer.ts'
import type { MediaFormat, PublishedMedia } from './published-media.ts'

export interface PublishAnswer {
  readonly answer: string
  readonly transport: TransportParameters
  readonly bundle: BundleTransport
  readonly tracks: PublishedTrack[]
  readonly media: PublishedMedia
}

/**
 * @throws Problem 'wrong-direction' or 'unusable-media' (422) when any of the offered media cannot be
 * received.
 */
export function answerPublish(offer: Offer, gateway: GatewayTransport): PublishAnswer {
  const sections = publishedSections(offer)
  const published = sections.map(publishSection)
  const accepted = new Map(published.map(({ answer }) => [answer.offered.index, answer]))
  const tagged = taggedSection(offer, (section) => accepted.has(section.index))
  if (tagged === undefined) throw incomplete('no m-section of its BUNDLE group can carry the others')
  const [audio, video] = (['audio', 'video'] as const).map(
    (kind) => published.find(({ format }) => format.kind === kind)?.format,
  )
  return {
    answer: writeAnswer(offer, gateway, accepted, tagged, answerSetup(tagged.setup)),
    transport: transportParameters(tagged, gateway),
    bundle: bundleTransport(offer, accepted, tagged),
    tracks: published.map(({ track }) => track),
    media: {
      ...(audio && { audio }),
      ...(video && { video }),
      summary: [video, audio]
        .filter((format) => format !== undefined)
        .map(describeFormat)
        .join(' + '),
    },
  }
}

/** The live audio and video m-sections, at most one of each (RFC 9725 section 4.4), all of which send. */
function publishedSections(offer: Offer): MediaSection[] {
  const sections = offer.media.filter((section) => section.live && section.kind !== 'other')
  if (sections.length === 0) throw unusableMedia('it has no m-section of audio or video that is switched on')
  for (const kind of ['audio', 'video']) {
    const count = sections.filter((section) => section.kind === kind).length
    if (count > 1) throw unusableMedia(`it has ${count} ${kind} m-sections; a stream has at most one`)
  }
  for (const { kind, mid, direction } of sections) {
    if (direction === 'sendonly' || direction === 'sendrecv') continue
    throw wrongDirection(`its ${kind} (mid ${mid}) is ${direction}; to publish, offer sendonly or sendrecv`)
  }
  return sections
}

function publishSection(section: MediaSection): {
  answer: AcceptedSection
  track: PublishedTrack
  format: MediaFormat
} {
  const [format, codec] = chooseFormat(section)
  const negotiated = negotiateFormat(section, format, 'receive')
  const rids = acceptedRids(section, format, negotiated.rtx)
  return {
    answer: {
      offered: section,
      direction: 'recvonly',
      formats: answeredFormats(negotiated, publisherParameters(format.parameters, codec)),
      extensions: negotiated.extensions,
      rids: rids.map(({ id, restrictions }) =>
        restrictions === '' ? `${id} recv` : `${id} recv ${restrictions}`,
      ),
      simulcast: rids.map(({ id }) => id),
      source: undefined,
    },
    track: {
      mid: section.mid,
      kind: codecs[codec].kind,
      codec,
      clockRate: format.clockRate,
      payloadType: format.payloadType,
      ...(negotiated.rtx && { rtxPayloadType: negotiated.rtx.payloadType }),
      extensions: extensionIds(negotiated.extensions),
      feedback: negotiated.feedback,
      ...(rids.length === 0 && parameterSets(format.parameters)),
      encodings:
        rids.length > 0
          ? rids.map(({ id }) => ({ rid: id }))
          : [singleEncoding(section, negotiated.rtx !== undefined)],
    },
    format: mediaFormat(format, codecs[codec].kind, codec, section.mid),
  }
}

/** H.264 (RFC 6184 section 8.1) and H.265 (RFC 7798 section 7.1) parameter sets that are told here and perhaps nowhere else. */
function parameterSets(parameters: Format['parameters']): Pick<PublishedTrack, 'parameterSets'> {
  const names = ['sprop-parameter-sets', 'sprop-vps', 'sprop-sps', 'sprop-pps']
  const nalUnits = names
    .flatMap((name) => (parameters[name] ?? '').split(','))
    .map((text) => new Uint8Array(Buffer.from(text, 'base64')))
    .filter((nalUnit) => nalUnit.length > 0)
  return nalUnits.length === 0 ? {} : { parameterSets: nalUnits }
}

/** Codec names that a refusal repeats: enough for any client's list. */
const maxNamesShown = 16

/** The publisher's first format that the gateway passes through: the order is its preference. */
function chooseFormat(section: MediaSection): [Format, CodecName] {
  const usable: [Format, CodecName][] = []
  for (const format of section.formats) {
    const codec = section.kind === 'other' ? undefined : codecOf(format, section.kind)
    if (codec !== undefined) usable.push([format, codec])
  }
  const chosen = usable.find(([format, codec]) => !isLastResort(format, codec)) ?? usable[0]
  if (chosen !== undefined) return chosen
  const names = [...new Set(section.formats.map((format) => format.name))].slice(0, maxNamesShown)
  const offered = names.join(', ') || 'no codec at all'
  const supported = Object.values(codecs).filter((codec) => codec.kind === section.kind)
  const taken = supported.map((codec) => codec.name).join(', ')
  throw unusableMedia(`its ${section.kind} offers ${offered}; the gateway takes ${taken}`)
}

/**
 * The simulcast streams of the answer, in the order of the offer (RFC 8853 section 5.3.2). All are taken,
 * since OBS gives up when one is missing, but for those whose `pt=` leaves the chosen codec out.
 */
function acceptedRids(section: MediaSection, format: Format, rtx: Format | undefined): Rid[] {
  const payloadTypes = [format.payloadType, rtx?.payloadType]
  return section.simulcast.flatMap((id) => {
    const rid = section.rids.find((candidate) => candidate.id === id && candidate.direction === 'send')
    if (rid === undefined) return []
    return rid.payloadTypes.length === 0 || rid.payloadTypes.some((type) => payloadTypes.includes(type))
      ? [rid]
      : []
  })
}

/**
 * The SSRCs of an m-section without simulcast: those of its first FID group (RFC 4588 section 8.8), else the
 * first one named.
 */
function singleEncoding(section: MediaSection, hasRtx: boolean): PublishedEncoding {
  const [ssrc, rtxSsrc] =
    section.ssrcGroups.find(({ semantics }) => semantics === 'FID')?.ssrcs ?? section.ssrcs.slice(0, 1)
  return { ...(ssrc !== undefined && { ssrc }), ...(rtxSsrc !== undefined && hasRtx && { rtxSsrc }) }
}
