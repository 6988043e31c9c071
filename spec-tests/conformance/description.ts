/** Reads SDP (RFC 8866) as lines: no more understanding than the checks need, so that a parser's leniency cannot hide a mistake. */

/** The lines of an m-section, the m-line first; or those of the session part. */
export type Section = readonly string[]

export interface Description {
  readonly session: Section
  readonly media: readonly Section[]
}

/** undefined for what does not begin like SDP. */
export function readDescription(text: string): Description | undefined {
  const lines = text.split(/\r\n|\n/).filter((line) => line !== '')
  if (lines[0] !== 'v=0' || !lines.every((line) => /^[a-z]=/.test(line))) return undefined
  const starts = lines.flatMap((line, index) => (line.startsWith('m=') ? [index] : []))
  return {
    session: lines.slice(0, starts[0]),
    media: starts.map((start, index) => lines.slice(start, starts[index + 1])),
  }
}

/** The value of `a=name:value`, '' for `a=name`; undefined if there is none. */
export function attributeOf(section: Section, name: string): string | undefined {
  return attributesOf(section, name)[0]
}

export function attributesOf(section: Section, name: string): string[] {
  return section
    .filter((line) => line === `a=${name}` || line.startsWith(`a=${name}:`))
    .map((line) => line.slice(name.length + 3).trim())
}

/** Attributes of the transport may be given once for all (RFC 8839 section 5.4, RFC 8122 section 5). */
export const inheritedAttributeOf = (
  { session }: Description,
  section: Section,
  name: string,
): string | undefined => attributeOf(section, name) ?? attributeOf(session, name)

const mediaLineOf = (section: Section): string[] => (section[0] ?? '').slice(2).split(' ')
export const mediaKindOf = (section: Section): string => mediaLineOf(section)[0] ?? ''
export const portOf = (section: Section): number => Number(mediaLineOf(section)[1]?.split('/')[0])
export const payloadTypesOf = (section: Section): string[] => mediaLineOf(section).slice(3)
/** RFC 9143 section 6: port 0 rejects an m-section unless it is bundle-only, which answers never are. */
export const isRejected = (section: Section): boolean => portOf(section) === 0
export const acceptedMedia = ({ media }: Description): Section[] =>
  media.filter((section) => !isRejected(section))

export const directionOf = (description: Description, section: Section): string => {
  const find = (lines: Section) =>
    ['sendonly', 'recvonly', 'sendrecv', 'inactive'].find((name) => lines.includes(`a=${name}`))
  return find(section) ?? find(description.session) ?? 'sendrecv' // RFC 8866 section 6.7
}

/** `address port` of every UDP candidate for RTP. */
export function udpCandidatesOf({ session, media }: Description): { address: string; port: number }[] {
  return [session, ...media]
    .flatMap((section) => attributesOf(section, 'candidate'))
    .map((candidate) => candidate.split(' '))
    .filter(([, component, transport]) => component === '1' && transport?.toLowerCase() === 'udp')
    .map(([, , , , address = '', port]) => ({ address, port: Number(port) }))
}
