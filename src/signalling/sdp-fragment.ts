/**
 * SDP fragments (RFC 8840 section 9, as RFC 9725 section 4.3 uses them): ICE candidates and credentials on their way between a client and its session.
 * Read leniently, since what clients send differs from the grammar: whip.js leaves out the port of the m-line and writes its credentials at the session
 * level, GStreamer's m-line is of another kind than its mid.
 */

export const SDP_FRAGMENT_TYPE = 'application/trickle-ice-sdpfrag' // RFC 8840 section 9

export interface SdpFragment {
  /** Undefined where the fragment has neither; one without the other is taken as it is. */
  readonly ufrag: string | undefined
  readonly password: string | undefined
  readonly iceLite: boolean
  /** Of the first m-section. */
  readonly mid: string | undefined
  /** The values of all `a=candidate` lines, not checked: what cannot be used is to be left out silently (RFC 9725 section 4.3.2). */
  readonly candidates: readonly string[]
  readonly endOfCandidates: boolean
}

/** RFC 8839 section 5.4: 4 to 256 and 22 to 256 ice-chars. */
const ufragPattern = /^[0-9A-Za-z+/]{4,256}$/
const passwordPattern = /^[0-9A-Za-z+/]{22,256}$/

/** Undefined where it is no fragment: a line that is no SDP, credentials that break the grammar or differ between sections. */
export function parseSdpFragment(text: string): SdpFragment | undefined {
  const lines = text.split(/\r\n|\n|\r/).filter((line) => line !== '')
  if (lines.length === 0 || !lines.every((line) => /^[a-z]=/.test(line))) return undefined
  const values = (name: string): string[] =>
    lines.filter((line) => line.startsWith(`a=${name}:`)).map((line) => line.slice(name.length + 3).trim())
  const [ufrag, ...otherUfrags] = new Set(values('ice-ufrag'))
  const [password, ...otherPasswords] = new Set(values('ice-pwd'))
  if (otherUfrags.length > 0 || otherPasswords.length > 0) return undefined
  if (ufrag !== undefined && !ufragPattern.test(ufrag)) return undefined
  if (password !== undefined && !passwordPattern.test(password)) return undefined
  return {
    ufrag,
    password,
    iceLite: lines.includes('a=ice-lite'),
    mid: values('mid')[0],
    candidates: values('candidate'),
    // The second spelling is that of whip.js.
    endOfCandidates: lines.includes('a=end-of-candidates') || lines.includes('a=end-of-candiadates'),
  }
}

export interface SdpFragmentContent {
  readonly ufrag: string
  readonly password: string
  readonly iceLite: boolean
  /** The same as in the offer or answer of the session (RFC 9725 section 4.3.3). */
  readonly iceOptions: readonly string[]
  /** The m-section that carries the bundle. */
  readonly section: {
    readonly kind: 'audio' | 'video'
    readonly mid: string
    /** Mids of the BUNDLE group, that of this section first. */
    readonly bundle: readonly string[]
  }
  /** Values of `a=candidate` lines. */
  readonly candidates: readonly string[]
  readonly endOfCandidates: boolean
}

export function writeSdpFragment(content: SdpFragmentContent): string {
  const { section, iceOptions, candidates } = content
  const lines = [
    ...(content.iceLite ? ['a=ice-lite'] : []),
    ...(iceOptions.length === 0 ? [] : [`a=ice-options:${iceOptions.join(' ')}`]),
    ...(section.bundle.length === 0 ? [] : [`a=group:BUNDLE ${section.bundle.join(' ')}`]),
    // RFC 8840 section 9: a pseudo m-line, whose format stands for nothing.
    `m=${section.kind} 9 UDP/TLS/RTP/SAVPF 0`,
    `a=mid:${section.mid}`,
    `a=ice-ufrag:${content.ufrag}`,
    `a=ice-pwd:${content.password}`,
    ...candidates.map((candidate) => `a=candidate:${candidate}`),
    ...(content.endOfCandidates ? ['a=end-of-candidates'] : []),
  ]
  return lines.map((line) => `${line}\r\n`).join('')
}
