/**
 * Attributes that stand at the session level or in an m-section: DTLS and ICE. Values are checked before they
 * are believed.
 */
import type { Fingerprint } from '../media/contract.ts'
import { malformed } from './offer-problem.ts'
import type { Direction, Setup } from './offer.ts'

/** Splits lines at each `m=`; the first part is the session's. */
export function splitSections(lines: readonly string[]): string[][] {
  const sections: string[][] = [[]]
  for (const line of lines) {
    if (line.startsWith('m=')) sections.push([])
    sections.at(-1)?.push(line)
  }
  return sections
}

/**
 * The values of every `a=name` or `a=name:value` line, in order. Used where sdp-transform keeps the last line
 * only (fingerprints), knows fewer characters than the RFC (rids, msid) or takes one attribute for another
 * (rtcp-mux-only).
 */
export function attributeValues(lines: readonly string[], name: string): string[] {
  const bare = `a=${name}`
  const prefix = `${bare}:`
  return lines
    .filter((line) => line === bare || line.startsWith(prefix))
    .map((line) => line.slice(prefix.length).trim())
}

/** Bytes of each hash function's value (RFC 8122 section 5). MD5 and MD2 are of no use and not taken. */
const hashBytes: ReadonlyMap<string, number> = new Map([
  ['sha-1', 20],
  ['sha-224', 28],
  ['sha-256', 32],
  ['sha-384', 48],
  ['sha-512', 64],
])

/**
 * @throws Problem 'sdp-malformed' for a hash function that is not known and for a value of the wrong length.
 */
export function parseFingerprint(text: string): Fingerprint {
  const [algorithm = '', value = '', ...rest] = text.split(' ')
  const bytes = hashBytes.get(algorithm.toLowerCase())
  if (bytes === undefined) throw malformed('an a=fingerprint names a hash function that is not known')
  const wellFormed = /^[0-9a-f]{2}(?::[0-9a-f]{2})*$/i.test(value) && value.length === bytes * 3 - 1
  if (!wellFormed || rest.length > 0) {
    throw malformed(`an a=fingerprint is not ${bytes} bytes of hexadecimal digits with colons between`)
  }
  return { algorithm: algorithm.toLowerCase(), value: value.toUpperCase() }
}

/** RFC 8839 section 5.4: 4 to 256 and 22 to 256 ice-chars. */
const ufragPattern = /^[0-9A-Za-z+/]{4,256}$/
const passwordPattern = /^[0-9A-Za-z+/]{22,256}$/

/** Returns undefined where both are missing. Numbers are what sdp-transform makes of digits. */
export function parseIce(
  ufrag: string | number | undefined,
  password: string | number | undefined,
): { readonly ufrag: string; readonly password: string } | undefined {
  if (ufrag === undefined && password === undefined) return undefined
  if (!ufragPattern.test(String(ufrag ?? '')))
    throw malformed('a=ice-ufrag is not 4 to 256 letters, digits, + and /')
  if (!passwordPattern.test(String(password ?? '')))
    throw malformed('a=ice-pwd is not 22 to 256 letters, digits, + and /')
  return { ufrag: String(ufrag), password: String(password) }
}

/** Returns undefined where the line is missing. `holdconn` is not for DTLS (RFC 8842). */
export function parseSetup(value: string | undefined): Setup | undefined {
  if (value === undefined || value === 'actpass' || value === 'active' || value === 'passive') return value
  throw malformed('a=setup is none of actpass, active and passive')
}

const directions: readonly Direction[] = ['sendrecv', 'sendonly', 'recvonly', 'inactive']

export function isDirection(value: string): value is Direction {
  return directions.some((direction) => direction === value)
}

/** Returns undefined where there is no such line. */
export function parseDirection(lines: readonly string[]): Direction | undefined {
  return directions.find((direction) => attributeValues(lines, direction).length > 0)
}
