/** Which local addresses the media sockets are bound to. */
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'

/** A host with more addresses than this (many container networks) offers the first ones: each costs every client a check. */
export const MAX_LOCAL_ADDRESSES = 16

export interface LocalAddress {
  readonly address: string
  readonly family: 4 | 6
}

/**
 * All addresses of the machine but link-local ones, which mean nothing without a zone; or exactly those that were asked for.
 * @param wanted IP addresses; empty for all.
 */
export function localAddresses(wanted: readonly string[]): LocalAddress[] {
  if (wanted.length > 0) return wanted.map((address) => ({ address, family: isIP(address) === 6 ? 6 : 4 }))
  const found: LocalAddress[] = []
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address, family } of addresses ?? []) {
      if (/^fe80:/i.test(address) || found.some((known) => known.address === address)) continue
      found.push({ address, family: family === 'IPv6' ? 6 : 4 })
    }
  }
  return found.slice(0, MAX_LOCAL_ADDRESSES)
}
