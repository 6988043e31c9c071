/** Reads one m-section of an offer (RFC 8866 section 5.14 and what JSEP's section 5.8.2 lists). */
import type { MediaDescription } from 'sdp-transform'
import type { Fingerprint } from '../media/contract.ts'
import { maxCandidates, maxExtensions, maxFingerprints, maxIdentifierCharacters } from './limits.ts'
import { checkLimit, malformed } from './offer-problem.ts'
import type { Direction, MediaSection, OfferedCandidate, OfferedExtension, Setup } from './offer.ts'
import { parseRids, parseSources } from './parse-encodings.ts'
import { integer, parseFormats } from './parse-formats.ts'
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
  checkLimit((parsed.candidates ?? []).length, maxCandidates, 'candidates in an m-section')
  checkLimit((parsed.ext ?? []).length, maxExtensions, 'a=extmap lines in an m-section')
  const fingerprints = attributeValues(lines, 'fingerprint').map(parseFingerprint)
  checkLimit(fingerprints.length, maxFingerprints, 'fingerprints in an m-section')
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
    // Ids beyond 255 are provisional (RFC 8285 section 7): offerers use them when they run out, and no client
    // does.
    const id = integer(line.value, 1, 255)
    const direction = line.direction ?? 'sendrecv'
    const encrypted = 'encrypt-uri' in line && line['encrypt-uri'] !== undefined
    if (id === undefined || encrypted || !isDirection(direction)) return []
    return { id, uri: String(line.uri), direction, directionGiven: line.direction !== undefined }
  })
}
