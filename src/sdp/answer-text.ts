/**
 * Writes an SDP answer by JSEP's rules (RFC 9429 section 5.3.1), bundled (RFC 9143), with an ICE-lite agent's
 * transport (RFC 8839).
 */
import { formatParametersText } from './format-parameters.ts'
import type { GatewayCandidate, GatewayTransport } from './gateway-transport.ts'
import type { AnsweredExtension } from './header-extensions.ts'
import type { FormatParameters, MediaSection, Offer } from './offer.ts'

export interface AnsweredFormat {
  readonly payloadType: number
  readonly encoding: string
  readonly parameters: FormatParameters
  readonly feedback: readonly string[]
}

/** What the gateway sends in an m-section. */
export interface AnsweredSource {
  readonly cname: string
  readonly streamId: string
  readonly trackId: string
  readonly ssrc: number
  readonly rtxSsrc: number | undefined
}

/** An m-section of the offer with what it is answered. */
export interface AcceptedSection {
  readonly offered: MediaSection
  readonly direction: 'recvonly' | 'sendonly' | 'inactive'
  readonly formats: readonly AnsweredFormat[]
  readonly extensions: readonly AnsweredExtension[]
  /** `a=rid` values and the simulcast list, for publishers with several encodings. */
  readonly rids: readonly string[]
  readonly simulcast: readonly string[]
  readonly source: AnsweredSource | undefined
}

/**
 * RFC 8445 section 10. Not "trickle": all candidates are in the answer, and those of the peer are learnt from its checks.
 */
export const ICE_OPTIONS: readonly string[] = ['ice2']

export type DtlsSetup = 'active' | 'passive'

/**
 * @param accepted by index of the m-section; m-sections that are not in it are refused with port 0.
 * @param tagged the m-section whose transport the bundle uses.
 */
export function writeAnswer(
  offer: Offer,
  gateway: GatewayTransport,
  accepted: ReadonlyMap<number, AcceptedSection>,
  tagged: MediaSection,
  setup: DtlsSetup,
): string {
  const bundle = answeredBundle(offer, accepted, tagged)
  const sends = [...accepted.values()].some(({ source }) => source !== undefined)
  const lines = [
    'v=0',
    // The address in the origin is never used; JSEP section 5.2.1 has everybody write this one.
    `o=- ${gateway.sdpSessionId} 0 IN IP4 127.0.0.1`,
    's=-',
    't=0 0',
    ...(bundle.length > 0 ? [`a=group:BUNDLE ${bundle.join(' ')}`] : []),
    ...(offer.extmapAllowMixed ? ['a=extmap-allow-mixed'] : []),
    ...(sends ? ['a=msid-semantic:WMS *'] : []),
    'a=ice-lite',
    `a=ice-options:${ICE_OPTIONS.join(' ')}`,
    `a=fingerprint:${gateway.fingerprint.algorithm} ${gateway.fingerprint.value}`,
    ...offer.media.flatMap((section) => {
      const answer = accepted.get(section.index)
      return answer === undefined ? refusal(section) : acceptance(answer, gateway, section === tagged, setup)
    }),
  ]
  return lines.map((line) => `${line}\r\n`).join('')
}

/** The mids of the answer's BUNDLE group. */
export function answeredBundle(
  offer: Offer,
  accepted: ReadonlyMap<number, AcceptedSection>,
  tagged: MediaSection,
): string[] {
  const mids = offer.bundle.filter((mid) => [...accepted.values()].some(({ offered }) => offered.mid === mid))
  // The first mid is what tags an m-section: already so unless the offer began with one that is bundle-only.
  return mids.sort((a, b) => Number(b === tagged.mid) - Number(a === tagged.mid))
}

/** RFC 3264 section 6: port 0, the rest of the m-line as it was. */
function refusal(section: MediaSection): string[] {
  return [
    `m=${section.type} 0 ${section.protocol} ${section.formatList}`,
    'c=IN IP4 0.0.0.0',
    ...(section.mid === '' ? [] : [`a=mid:${section.mid}`]),
    'a=inactive',
  ]
}

function acceptance(
  answer: AcceptedSection,
  gateway: GatewayTransport,
  tagged: boolean,
  setup: DtlsSetup,
): string[] {
  const { offered, direction, formats, extensions, rids, simulcast, source } = answer
  const [preferred] = gateway.candidates
  if (preferred === undefined) throw new Error('an answer needs at least one candidate')
  const payloadTypes = formats.map((format) => format.payloadType).join(' ')
  return [
    `m=${offered.type} ${preferred.port} ${offered.protocol} ${payloadTypes}`,
    `c=IN IP${preferred.family} ${preferred.address}`,
    // libdatachannel looks for these in each m-section, so that they are not left to the tagged one.
    `a=ice-ufrag:${gateway.ufrag}`,
    `a=ice-pwd:${gateway.password}`,
    `a=fingerprint:${gateway.fingerprint.algorithm} ${gateway.fingerprint.value}`,
    `a=setup:${setup}`,
    ...(tagged
      ? [
          ...gateway.candidates.map((candidate, index) => `a=candidate:${candidateValue(candidate, index)}`),
          'a=end-of-candidates',
        ]
      : []),
    `a=mid:${offered.mid}`,
    ...extensions.map(
      ({ id, uri, direction: qualifier }) =>
        `a=extmap:${id}${qualifier === undefined ? '' : `/${qualifier}`} ${uri}`,
    ),
    ...(offered.extmapAllowMixed ? ['a=extmap-allow-mixed'] : []),
    `a=${direction}`,
    ...(source === undefined ? [] : [`a=msid:${source.streamId} ${source.trackId}`]),
    'a=rtcp-mux',
    // RFC 9725 section 4.4 has this in answers too, though RFC 8858 would leave it to offers; clients take
    // both.
    'a=rtcp-mux-only',
    ...(offered.rtcpReducedSize ? ['a=rtcp-rsize'] : []),
    ...formats.flatMap(formatLines),
    ...rids.map((rid) => `a=rid:${rid}`),
    ...(simulcast.length > 0 ? [`a=simulcast:recv ${simulcast.join(';')}`] : []),
    ...(source === undefined ? [] : sourceLines(source)),
  ]
}

function formatLines({ payloadType, encoding, parameters, feedback }: AnsweredFormat): string[] {
  const parameterText = formatParametersText(parameters)
  return [
    `a=rtpmap:${payloadType} ${encoding}`,
    ...feedback.map((value) => `a=rtcp-fb:${payloadType} ${value}`),
    ...(parameterText === '' ? [] : [`a=fmtp:${payloadType} ${parameterText}`]),
  ]
}

/** RFC 5576 and, for libwebrtc's elders, the stream and track once more for each SSRC. */
function sourceLines({ cname, streamId, trackId, ssrc, rtxSsrc }: AnsweredSource): string[] {
  const ssrcs = rtxSsrc === undefined ? [ssrc] : [ssrc, rtxSsrc]
  return [
    ...(rtxSsrc === undefined ? [] : [`a=ssrc-group:FID ${ssrc} ${rtxSsrc}`]),
    ...ssrcs.flatMap((id) => [`a=ssrc:${id} cname:${cname}`, `a=ssrc:${id} msid:${streamId} ${trackId}`]),
  ]
}

/** Type preference of host candidates and the highest local preference (RFC 8445 section 5.1.2). */
const hostTypePreference = 126
const maxLocalPreference = 65_535
const rtpComponent = 1

/** The value of an `a=candidate` line (RFC 8839 section 5.1); the index among all makes the priority. */
export function candidateValue({ address, port }: GatewayCandidate, index: number): string {
  const priority = hostTypePreference * 2 ** 24 + (maxLocalPreference - index) * 2 ** 8 + (256 - rtpComponent)
  return `${index + 1} ${rtpComponent} UDP ${priority} ${address} ${port} typ host`
}
