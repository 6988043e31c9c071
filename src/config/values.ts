/** How settings are written by people: addresses, durations, sizes and rates, each read from the text of a flag or a variable. */
import { isIP } from 'node:net'
import { z } from 'zod'

export interface ListenAddress {
  /** Undefined for every address of the machine, IPv4 and IPv6. */
  readonly host: string | undefined
  readonly port: number
}

const portNumber = (text: string): number | undefined => {
  if (!/^\d{1,5}$/.test(text)) return undefined
  const port = Number(text)
  return port <= 65_535 ? port : undefined
}

/** Reads 'HOST:PORT', '[IPv6]:PORT', ':PORT' or 'PORT'. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([^\]]*)\]:|([^:]*):)?(\d+)$/.exec(text)
  const port = portNumber(match?.[3] ?? '')
  if (match === null || port === undefined) return undefined
  if (match[1] !== undefined) return isIP(match[1]) === 6 ? { host: match[1], port } : undefined
  const host = match[2]
  if (host === undefined || host === '' || host === '*') return { host: undefined, port }
  return isIP(host) === 4 || isHostName(host) ? { host, port } : undefined
}

/** A name such as 'localhost'; something of digits and dots alone is a mistyped IPv4 address. */
const isHostName = (text: string): boolean =>
  /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i.test(text) && !/^[\d.]+$/.test(text)

const durationUnitsMs: Readonly<Record<string, number>> = { '': 1000, ms: 1, s: 1000, m: 60_000 }

/** Reads '1500ms', '30s', '2m' or '30' (seconds). */
export function parseDurationMs(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|)$/.exec(text)
  const unit = durationUnitsMs[match?.[2] ?? '?']
  return match === null || unit === undefined ? undefined : Math.round(Number(match[1]) * unit)
}

const quantityUnits: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
}

/** Reads '20000000', '20M' (powers of 1000) or '4Mi' (powers of 1024). */
export function parseQuantity(text: string): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,3})?)([kMG]|[KMG]i|)$/.exec(text)
  const unit = quantityUnits[match?.[2] ?? '?']
  return match === null || unit === undefined ? undefined : Math.round(Number(match[1]) * unit)
}

/** A zod type that reads one text by `parse`, and says `expected` when that is not possible. */
const parsed = <T>(parse: (text: string) => T | undefined, expected: string) =>
  z.string().transform((text, context): T => {
    const value = parse(text.trim())
    if (value !== undefined) return value
    context.addIssue({ code: 'custom', message: `expected ${expected}` })
    return z.NEVER
  })

export const listenAddress = () =>
  parsed(
    parseListenAddress,
    'HOST:PORT with a port from 0 to 65535, such as 0.0.0.0:8080, [::1]:8080 or :8080',
  )

export const port = () => parsed(portNumber, 'a port number from 0 to 65535')

/** A comma-separated list of IP addresses; a flag that is given several times is joined by commas before. */
export const ipAddresses = () =>
  z.string().transform((text, context): readonly string[] => {
    const addresses = text
      .split(',')
      .map((part) => part.trim().replace(/^\[(.*)\]$/, '$1'))
      .filter((part) => part !== '')
    for (const address of addresses) {
      if (isIP(address) === 0) {
        context.addIssue({
          code: 'custom',
          message: `expected IP addresses separated by commas, but "${address}" is none`,
        })
      }
    }
    return addresses
  })

export const durationMs = (min: number, max: number) =>
  parsed(
    (text) => within(parseDurationMs(text), min, max),
    `a duration from ${min} ms to ${max / 1000} s, such as 30s or 500ms`,
  )

export const quantity = (min: number, max: number) =>
  parsed(
    (text) => within(parseQuantity(text), min, max),
    `a number from ${min} to ${max}, such as ${Math.max(min, 1)}, 20k, 4M or 1Gi`,
  )

const within = (value: number | undefined, min: number, max: number): number | undefined =>
  value !== undefined && value >= min && value <= max ? value : undefined

/** RFC 7064 and RFC 7065: scheme, host, port, and for TURN the transport. */
const iceServerUrl =
  /^(?:stuns?:(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?|turns?:(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?(?:\?transport=(?:udp|tcp))?)$/

/** A comma-separated list of STUN and TURN URLs. */
export const iceServerUrls = () =>
  z.string().transform((text, context): readonly string[] => {
    const urls = text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
    for (const url of urls) {
      if (!iceServerUrl.test(url)) {
        context.addIssue({
          code: 'custom',
          message: `expected URLs such as stun:stun.example.net:3478 or turn:turn.example.net?transport=udp, but "${url}" is none`,
        })
      }
    }
    return urls
  })

/**
 * Characters that a user name or credential may have: those of a quoted-string without escapes, and no comma or semicolon, at which OBS cuts the field
 * even inside quotes.
 */
const linkSafePattern = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+$/

/** What stands in a Link header between quotes, where every client can read it. */
export const linkSafeText = () =>
  z
    .string()
    .max(MAX_TOKEN_LENGTH, `expected at most ${MAX_TOKEN_LENGTH} characters`)
    .regex(
      linkSafePattern,
      'expected printable characters without spaces, quotes, backslashes, commas and semicolons, which some clients cannot read in a Link header',
    )

/** RFC 6750 section 2.1: what may stand behind `Authorization: Bearer`; anything else could never be sent by a client. */
const bearerToken = /^[A-Za-z0-9\-._~+/]+=*$/
export const MAX_TOKEN_LENGTH = 4096

export const token = () =>
  z
    .string()
    .max(MAX_TOKEN_LENGTH, `expected at most ${MAX_TOKEN_LENGTH} characters`)
    .regex(
      bearerToken,
      'expected letters, digits and -._~+/ only (RFC 6750 section 2.1), as nothing else can be sent as a bearer token',
    )

export const oneOf = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.enum(values, { error: () => `expected one of ${values.join(', ')}` })

/** An http: or https: URL without query and fragment; a slash at its end is taken off. */
export const httpBaseUrl = () =>
  parsed((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined
    if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined
    if (url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') return undefined
    return url.href.replace(/\/$/, '')
  }, 'an http: or https: URL without query, such as https://two.example.net')

/** A comma-separated list of stream names in which `*` stands for any characters. */
export const streamPatterns = () =>
  z.string().transform((text, context): readonly string[] => {
    const patterns = text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
    if (!patterns.every((pattern) => /^[A-Za-z0-9._~*-]{1,128}$/.test(pattern))) {
      context.addIssue({
        code: 'custom',
        message: 'expected names of streams, in which * stands for any characters, such as live or lobby-*',
      })
    }
    return patterns
  })

/** A flag without a value; variables say true or false. */
export const flag = () =>
  z.string().transform((text, context): boolean => {
    if (/^(true|1|yes|on)$/i.test(text)) return true
    if (/^(false|0|no|off)$/i.test(text)) return false
    context.addIssue({ code: 'custom', message: 'expected true or false' })
    return z.NEVER
  })
