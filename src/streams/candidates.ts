/** Chooses the host candidates of an answer, in the order in which clients should try them (RFC 8445 section 5.1.1). */
import { isIP } from 'node:net'
import type { ListeningAddress } from '../media/contract.ts'

/** Each candidate is a line in every answer and a pair for every client to check; hosts full of bridges have dozens of addresses. */
export const MAX_CANDIDATES = 16

/**
 * `listening`: where the media sockets are bound; a wildcard stands for all of `machineAddresses` of its family.
 * `publicAddresses`: how clients reach this machine from outside; they come first, in the given order. The local addresses stay behind them, for
 * clients on the same network, whose packets many routers do not send back to the public address.
 * The rest is sorted: IPv4 before IPv6 (FFmpeg uses the first candidate only, and not everybody has IPv6), within each family global before
 * private, loopback last. Link-local addresses are left out: they mean nothing without an interface.
 */
export function hostCandidates(
  listening: readonly ListeningAddress[],
  publicAddresses: readonly string[],
  machineAddresses: readonly string[],
): readonly ListeningAddress[] {
  const local = listening
    .flatMap((bound) =>
      isWildcard(bound.address)
        ? machineAddresses
            .filter((address) => isIP(address) === bound.family)
            .map((address): ListeningAddress => ({ ...bound, address }))
        : [bound],
    )
    .map((candidate) => ({ candidate, rank: rankOf(candidate.address) }))
    .filter(({ rank }) => rank !== undefined)
    .sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0))
    .map(({ candidate }) => candidate)
  const outside = publicAddresses.map((address): ListeningAddress => {
    const family = isIP(address) === 6 ? 6 : 4
    const bound = listening.find((candidate) => candidate.family === family) ?? listening[0]
    return { address, family, port: bound?.port ?? 0 }
  })
  const unique = new Map<string, ListeningAddress>()
  for (const candidate of [...outside, ...local]) {
    const key = `${candidate.address} ${candidate.port}`
    if (!unique.has(key)) unique.set(key, candidate)
  }
  return [...unique.values()].slice(0, MAX_CANDIDATES)
}

const isWildcard = (address: string): boolean => address === '0.0.0.0' || address === '::'

/** Lower is better; undefined for an address that no client could use. */
function rankOf(address: string): number | undefined {
  if (isIP(address) === 4) {
    if (address.startsWith('169.254.')) return undefined // RFC 3927
    if (address.startsWith('127.')) return 4
    return isPrivateIpv4(address) ? 1 : 0
  }
  const lower = address.toLowerCase()
  if (/^fe[89ab]/.test(lower)) return undefined // RFC 4291 section 2.5.6
  if (lower === '::1') return 5
  return /^f[cd]/.test(lower) ? 3 : 2 // RFC 4193: unique local
}

/** RFC 1918, and RFC 6598 (behind a carrier's NAT). */
function isPrivateIpv4(address: string): boolean {
  const [first = 0, second = 0] = address.split('.').map(Number)
  return (
    first === 10 ||
    (first === 172 && second >= 16 && second <= 31) ||
    (first === 192 && second === 168) ||
    (first === 100 && second >= 64 && second <= 127)
  )
}
