/** Reads one m-section of an offer (RFC 8866 section 5.14 and what JSEP's section 5.8.2 lists). */
import type { MediaDescription } from 'sdp-transform'
import type { Fingerprint } from '../media/contract.ts'
import { parseFormatParameters } from './format-parameters.ts'
import {
  maxCandidates,
  maxExtensions,
  maxFeedbackLines,
  maxFingerprints,
  maxFormats,
  maxIdentifierCharacters,
  maxRids,
  maxSsrcLines,
} from './limits.ts'
import { malformed } from './offer-problem.ts'
import type {
  Direction,
  Format,
  MediaSection,
  OfferedCandidate,
  OfferedExtension,
  Rid,
  Setup,
  SsrcGroup,
} from './offer.ts'
import {
  attributeValues,
  isDirection,
  parseDirection,
  parseFingerprint,
  parseIce,
  parseSetup,
} from './session-attributes.ts'

/** What the session level says for m-sections that say nothing themselves. */
export interface SessionDefaults {
  readonly ice: { readonly ufrag: string; readonly password: string } | undefined
  readonly fingerprints: readonly Fingerprint[]
  readonly setup: Setup | undefined
  readonly direction: Direction | undefined
}

/** RTP over DTLS in the spellings that JSEP section 5.1.2 has an answerer take. */
const protocolPattern = /^(?:(?:UDP|TCP)\/TLS\/|TCP\/DTLS\/)?RTP\/S?AVPF?$/

/** Payload types with a fixed meaning (RFC 3551 section 6) that the gateway passes on; they need no `a=rtpmap`. */
const staticEncodings: ReadonlyMap<number, string> = new Map([
  [0, 'PCMU/8000'],
  [8, 'PCMA/8000'],
  [9, 'G722/8000'],
])

/** @param lines the m-section's own lines, beginning with its m-line. */
export function parseMediaSection(
  parsed: MediaDescription,
  index: number,
  lines: readonly string[],
  session: SessionDefaults,
): MediaSection {
  const [, type, port, protocol, formatList] =
    /^m=(\S+) (\d{1,5})(?:\/\d+)? (\S+) (\S.*)$/.exec(lines[0] ?? '') ?? []
  if (type === undefined || port === undefined || protocol === undefined || formatList === undefined) {
    throw malformed(`m-line ${index} cannot be read`)
  }
  if ((parsed.candidates ?? []).length > maxCandidates)
    throw malformed(`more than ${maxCandidates} candidates`)
  if ((parsed.ext ?? []).length > maxExtensions)
    throw malformed(`more than ${maxExtensions} a=extmap lines in an m-section`)
  const fingerprints = attributeValues(lines, 'fingerprint').map(parseFingerprint)
  if (fingerprints.length > maxFingerprints) throw malformed(`more than ${maxFingerprints} fingerprints`)
  const media = (type === 'audio' || type === 'video') && protocolPattern.test(protocol)
  const bundleOnly = Number(port) === 0 && attributeValues(lines, 'bundle-only').length > 0
  return {
    index,
    mid: parseMid(lines),
    kind: media ? type : 'other',
    type,
    protocol,
    formatList,
    live: Number(port) !== 0 || bundleOnly,
    bundleOnly,
    direction: parseDirection(lines) ?? session.direction ?? 'sendrecv',
    // RFC 4145 section 4.1: an offerer that says nothing is active.
    setup: parseSetup(parsed.setup) ?? session.setup ?? 'active',
    ice: parseIce(parsed.iceUfrag, parsed.icePwd) ?? session.ice,
    fingerprints: fingerprints.length > 0 ? fingerprints : session.fingerprints,
    candidates: (parsed.candidates ?? []).map(parseCandidate),
    rtcpMux:
      attributeValues(lines, 'rtcp-mux').length > 0 || attributeValues(lines, 'rtcp-mux-only').length > 0,
    rtcpReducedSize: attributeValues(lines, 'rtcp-rsize').length > 0,
    extmapAllowMixed: attributeValues(lines, 'extmap-allow-mixed').length > 0,
    formats: media ? parseFormats(formatList, parsed) : [],
    extensions: parseExtensions(parsed),
    ...parseSources(parsed),
    ...parseRids(lines),
    streamId: attributeValues(lines, 'msid')[0]?.split(' ')[0],
  }
}

/** A token of RFC 8866 section 9. */
const tokenPattern = /^[!#$%&'*+\-.^_`{|}~0-9A-Za-z]+$/

function parseMid(lines: readonly string[]): string {
  const [mid = ''] = attributeValues(lines, 'mid')
  if (mid !== '' && (!tokenPattern.test(mid) || mid.length > maxIdentifierCharacters)) {
    throw malformed(`an a=mid is not a token of at most ${maxIdentifierCharacters} characters`)
  }
  return mid
}

/** sdp-transform's types promise numbers; what it gives for a missing or overlong one is something else. */
function integer(value: unknown, minimum: number, maximum: number): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum
    ? value
    : undefined
}

/** The m-line's payload types that have an `a=rtpmap` or need none, in the order of preference. */
function parseFormats(formatList: string, parsed: MediaDescription): Format[] {
  const payloadTypes = [...new Set(formatList.split(' ').filter((token) => token !== ''))]
  if (payloadTypes.length > maxFormats)
    throw malformed(`more than ${maxFormats} payload types in an m-section`)
  const feedbackLines = parsed.rtcpFb ?? []
  if (feedbackLines.length > maxFeedbackLines)
    throw malformed(`more than ${maxFeedbackLines} a=rtcp-fb lines in an m-section`)
  const encodings = new Map<string, string>()
  for (const { payload, codec, rate, encoding } of parsed.rtp) {
    const text = [codec, rate, encoding].filter((part) => part !== undefined).join('/')
    if (!encodings.has(String(payload))) encodings.set(String(payload), text)
  }
  const parameterTexts = new Map(parsed.fmtp.map(({ payload, config }) => [String(payload), String(config)]))
  const feedback = new Map<string, Set<string>>()
  for (const { payload, type, subtype } of feedbackLines) {
    const values = feedback.get(String(payload)) ?? new Set()
    values.add([type, subtype].filter((part) => part !== undefined).join(' '))
    feedback.set(String(payload), values)
  }
  return payloadTypes.flatMap((token) => {
    const payloadType = /^(?:0|[1-9]\d{0,2})$/.test(token) ? integer(Number(token), 0, 127) : undefined
    if (payloadType === undefined)
      throw malformed('an m-line names a payload type that is no number from 0 to 127')
    const encoding = encodings.get(String(payloadType)) ?? staticEncodings.get(payloadType)
    const [, name, rate, channels] = /^([^/]+)\/(\d{1,9})(?:\/(\d{1,3}))?$/.exec(encoding ?? '') ?? []
    if (encoding === undefined || name === undefined || rate === undefined) return []
    const parameters = parseFormatParameters(parameterTexts.get(String(payloadType)) ?? '')
    if (parameters === undefined)
      throw malformed(`too many parameters in the a=fmtp of payload type ${payloadType}`)
    return {
      payloadType,
      encoding,
      name,
      clockRate: Number(rate),
      channels: Number(channels ?? 1),
      parameters,
      feedback: new Set([...(feedback.get('*') ?? []), ...(feedback.get(String(payloadType)) ?? [])]),
    }
  })
}

function parseCandidate(candidate: NonNullable<MediaDescription['candidates']>[number]): OfferedCandidate {
  return {
    protocol: String(candidate.transport).toLowerCase(),
    address: String(candidate.ip),
    port: Number(candidate.port),
    type: String(candidate.type),
  }
}

/** Encrypted extensions (RFC 6904) are left out: the gateway could neither read nor rewrite them. */
function parseExtensions(parsed: MediaDescription): OfferedExtension[] {
  return (parsed.ext ?? []).flatMap((line) => {
    // Ids beyond 255 are provisional (RFC 8285 section 7): offerers use them when they run out, and no client does.
    const id = integer(line.value, 1, 255)
    const direction = line.direction ?? 'sendrecv'
    const encrypted = 'encrypt-uri' in line && line['encrypt-uri'] !== undefined
    if (id === undefined || encrypted || !isDirection(direction)) return []
    return { id, uri: String(line.uri), direction, directionGiven: line.direction !== undefined }
  })
}

const maxSsrc = 0xffff_ffff

function parseSources(parsed: MediaDescription): {
  ssrcs: readonly number[]
  ssrcGroups: readonly SsrcGroup[]
} {
  const lines = parsed.ssrcs ?? []
  const groups = parsed.ssrcGroups ?? []
  if (lines.length + groups.length > maxSsrcLines)
    throw malformed(`more than ${maxSsrcLines} a=ssrc lines in an m-section`)
  const ssrcs = new Set(
    lines.map((line) => integer(line.id, 1, maxSsrc)).filter((ssrc) => ssrc !== undefined),
  )
  const ssrcGroups = groups.map((group) => ({
    semantics: String(group.semantics),
    ssrcs: String(group.ssrcs)
      .split(' ')
      .map((token) => integer(Number(token), 1, maxSsrc))
      .filter((ssrc) => ssrc !== undefined),
  }))
  return { ssrcs: [...ssrcs], ssrcGroups }
}

/** RFC 8851 section 10: letters, digits, - and _. */
const ridPattern = /^([0-9A-Za-z_-]+) (send|recv)(?: (\S.*))?$/

/** RFC 8853 section 5.1: streams between `;`, alternatives of a stream between `,`, a `~` before one that starts paused. */
const simulcastPattern = /(?:^| )send ([0-9A-Za-z_~;,-]+)/

function parseRids(lines: readonly string[]): { rids: readonly Rid[]; simulcast: readonly string[] } {
  const ridLines = attributeValues(lines, 'rid')
  if (ridLines.length > maxRids) throw malformed(`more than ${maxRids} a=rid lines in an m-section`)
  const rids = ridLines.flatMap((line): Rid[] => {
    const [, id, direction, text = ''] = ridPattern.exec(line) ?? []
    if (
      id === undefined ||
      id.length > maxIdentifierCharacters ||
      (direction !== 'send' && direction !== 'recv')
    )
      return []
    const restrictions = text.split(';').map((part) => part.trim())
    const payloadTypes =
      restrictions
        .find((part) => part.startsWith('pt='))
        ?.slice('pt='.length)
        .split(',')
        .map(Number) ?? []
    return [
      {
        id,
        direction,
        payloadTypes,
        restrictions: restrictions.filter((part) => part !== '' && !part.startsWith('pt=')).join(';'),
      },
    ]
  })
  const declared = new Set(rids.filter((rid) => rid.direction === 'send').map((rid) => rid.id))
  const [, streams = ''] = simulcastPattern.exec(attributeValues(lines, 'simulcast')[0] ?? '') ?? []
  const simulcast = streams.split(';').flatMap((stream) => {
    const first = stream
      .split(',')
      .map((rid) => rid.replace(/^~/, ''))
      .find((rid) => declared.has(rid))
    return first === undefined ? [] : [first]
  })
  return { rids, simulcast: [...new Set(simulcast)] }
}
