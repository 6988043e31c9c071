/**
 * Reads an SDP offer (RFC 8866) as it arrives from a client: nothing in it is trusted, everything in it is
 * bounded.
 */
import { parse, type MediaDescription } from 'sdp-transform'
import { parseMediaSection, type SessionDefaults } from './parse-media-section.ts'
import { maxFingerprints, maxLineCharacters, maxLines, maxMediaSections } from './limits.ts'
import type { MediaSection, Offer } from './offer.ts'
import { checkLimit, incomplete, malformed } from './offer-problem.ts'
import {
  attributeValues,
  parseDirection,
  parseFingerprint,
  parseIce,
  parseSetup,
  splitSections,
} from './session-attributes.ts'

/**
 * Parses an offer and checks that it has what every WebRTC offer needs: ICE credentials, a DTLS fingerprint,
 * bundling and rtcp-mux.
 *
 * @throws Problem 'sdp-malformed' (400) for what is no SDP or exceeds a limit, 'sdp-incomplete' (400) for SDP
 * without these.
 */
export function parseOffer(sdp: string): Offer {
  const sections = checkedSections(sdp)
  const description = parse(sdp)
  const [sessionLines = []] = sections
  const session: SessionDefaults = {
    ice: parseIce(description.iceUfrag, description.icePwd),
    fingerprints: attributeValues(sessionLines, 'fingerprint').map(parseFingerprint),
    setup: parseSetup(description.setup),
    direction: parseDirection(sessionLines),
  }
  checkLimit(session.fingerprints.length, maxFingerprints, 'fingerprints')
  const media = description.media.map((section: MediaDescription, index) =>
    parseMediaSection(section, index, sections[index + 1] ?? [], session),
  )
  const offer: Offer = {
    media,
    bundle: bundleGroup(attributeValues(sessionLines, 'group'), media),
    extmapAllowMixed: attributeValues(sessionLines, 'extmap-allow-mixed').length > 0,
  }
  checkMids(media)
  checkComplete(offer)
  return offer
}

/**
 * Splits the text into its session part and its m-sections, after checking what the parser is lenient about.
 */
function checkedSections(sdp: string): string[][] {
  if (!/^v=0[\r\n]/.test(sdp)) throw malformed('it does not begin with "v=0"')
  if (sdp.includes('\0')) throw malformed('it holds a NUL character')
  const lines = sdp.split(/\r\n|\r|\n/).filter((line) => line !== '')
  checkLimit(lines.length, maxLines, 'lines')
  lines.forEach((line, index) => {
    checkLimit(line.length, maxLineCharacters, `characters in line ${index + 1}`)
    if (!/^[a-z]=/.test(line)) throw malformed(`line ${index + 1} is not of the form "x=..."`)
  })
  const sections = splitSections(lines)
  if (!sections[0]?.some((line) => line.startsWith('o='))) throw malformed('it has no "o=" line')
  if (sections.length === 1) throw incomplete('it has no m-line: offer at least one of audio and video')
  checkLimit(sections.length - 1, maxMediaSections, 'm-sections')
  return sections
}

/** The first BUNDLE group that holds a live m-section of audio or video. */
function bundleGroup(groups: readonly string[], media: readonly MediaSection[]): readonly string[] {
  const wanted = new Set(media.filter(isLiveMedia).map((section) => section.mid))
  const bundles = groups
    .map((group) => group.split(' ').filter((token) => token !== ''))
    .flatMap(([semantics, ...mids]) => (semantics === 'BUNDLE' ? [mids] : []))
  const bundle = bundles.find((mids) => mids.some((mid) => wanted.has(mid))) ?? []
  const known = new Set(media.map((section) => section.mid))
  const strangers = bundle.some((mid) => !known.has(mid))
  if (strangers) throw malformed('its BUNDLE group names a mid that no m-section has')
  if (new Set(bundle).size !== bundle.length) throw malformed('its BUNDLE group names a mid twice')
  return bundle
}

function isLiveMedia(section: MediaSection): boolean {
  return section.live && section.kind !== 'other'
}

function checkMids(media: readonly MediaSection[]): void {
  const mids = media.map((section) => section.mid).filter((mid) => mid !== '')
  if (new Set(mids).size !== mids.length) throw malformed('two m-sections have the same mid')
}

/** RFC 9725 section 4.4: one bundled transport, RTP and RTCP multiplexed on it. */
function checkComplete(offer: Offer): void {
  const live = offer.media.filter(isLiveMedia)
  for (const section of live) {
    const where = `m-section ${section.index} (${section.type})`
    if (section.mid === '') throw incomplete(`${where} has no a=mid`)
    if (!section.rtcpMux) throw incomplete(`${where} has no a=rtcp-mux: RTP and RTCP have to share a port`)
    if (live.length > 1 && !offer.bundle.includes(section.mid)) {
      throw incomplete(
        `${where} is not in the BUNDLE group: all media has to share one transport (a=group:BUNDLE)`,
      )
    }
    // A bundle-only m-section may leave its transport to the one it is bundled with (RFC 9143 section 7.1).
    if (section.bundleOnly) continue
    if (section.ice === undefined) throw incomplete(`${where} has no a=ice-ufrag and a=ice-pwd`)
    if (section.fingerprints.length === 0) throw incomplete(`${where} has no a=fingerprint`)
  }
  if (live.length > 0 && live.every((section) => section.bundleOnly)) {
    throw incomplete('every m-section is bundle-only: one has to have a port')
  }
}
