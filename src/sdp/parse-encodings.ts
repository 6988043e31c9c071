/**
 * Reads the encodings that an m-section names: SSRCs and their groups (RFC 5576), rids (RFC 8851), simulcast
 * (RFC 8853).
 */
import type { MediaDescription } from 'sdp-transform'
import { maxIdentifierCharacters, maxRids, maxSsrcLines } from './limits.ts'
import { checkLimit } from './offer-problem.ts'
import type { Rid, SsrcGroup } from './offer.ts'
import { integer } from './parse-formats.ts'
import { attributeValues } from './session-attributes.ts'

const maxSsrc = 0xffff_ffff

/** `a=ssrc` and `a=ssrc-group` (RFC 5576). */
export function parseSources(parsed: MediaDescription): {
  ssrcs: readonly number[]
  ssrcGroups: readonly SsrcGroup[]
} {
  const lines = parsed.ssrcs ?? []
  const groups = parsed.ssrcGroups ?? []
  checkLimit(lines.length + groups.length, maxSsrcLines, 'a=ssrc lines in an m-section')
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

/**
 * RFC 8853 section 5.1: streams between `;`, alternatives of a stream between `,`, a `~` before one that
 * starts paused.
 */
const simulcastPattern = /(?:^| )send ([0-9A-Za-z_~;,-]+)/

export function parseRids(lines: readonly string[]): { rids: readonly Rid[]; simulcast: readonly string[] } {
  const ridLines = attributeValues(lines, 'rid')
  checkLimit(ridLines.length, maxRids, 'a=rid lines in an m-section')
  const rids = ridLines.map(parseRid).filter((rid) => rid !== undefined)
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

/**
 * Returns undefined for a line that is not of the RFC's form: an encoding that is not known is not expected.
 */
function parseRid(line: string): Rid | undefined {
  const [, id, direction, text = ''] = ridPattern.exec(line) ?? []
  if (id === undefined || id.length > maxIdentifierCharacters) return undefined
  if (direction !== 'send' && direction !== 'recv') return undefined
  const restrictions = text.split(';').map((part) => part.trim())
  const [payloadTypes = ''] = restrictions.filter((part) => part.startsWith(payloadTypeRestriction))
  return {
    id,
    direction,
    payloadTypes:
      payloadTypes === '' ? [] : payloadTypes.slice(payloadTypeRestriction.length).split(',').map(Number),
    restrictions: restrictions.filter((part) => part !== '' && part !== payloadTypes).join(';'),
  }
}

const payloadTypeRestriction = 'pt='
