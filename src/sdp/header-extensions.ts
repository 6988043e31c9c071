/**
 * Which header extensions an answer takes (RFC 8285 section 7): the offered id stays, the direction is
 * mirrored.
 */
import {
  headerExtensionUris,
  type HeaderExtensionIds,
  type HeaderExtensionName,
} from '../media/rtp/codecs.ts'
import type { Direction, OfferedExtension } from './offer.ts'

/**
 * What the gateway does with an m-section's packets: 'receive' them from a publisher, 'send' them to a
 * viewer.
 */
export type GatewayRole = 'receive' | 'send'

export interface AnsweredExtension {
  readonly name: HeaderExtensionName
  readonly id: number
  readonly uri: string
  /** Written behind the id where the offer wrote one. */
  readonly direction: Direction | undefined
}

/** Everything that is understood is read from publishers. */
const received: readonly HeaderExtensionName[] = [
  'mid',
  'rid',
  'repairedRid',
  'transportWideCc',
  'absSendTime',
  'absCaptureTime',
  'audioLevel',
  'videoOrientation',
  'playoutDelay',
  'dependencyDescriptor',
]

/** A viewer gets one encoding at a time under an SSRC of its own, so that rids mean nothing to it. */
const sent = received.filter((name) => name !== 'rid' && name !== 'repairedRid')

/** Id 15 is reserved in one-byte headers (RFC 8285 section 4.2) and left alone in two-byte ones too. */
const reservedId = 15

export function negotiateExtensions(
  offered: readonly OfferedExtension[],
  role: GatewayRole,
): AnsweredExtension[] {
  const names = new Map<string, HeaderExtensionName>(
    (role === 'receive' ? received : sent).map((name) => [headerExtensionUris[name], name]),
  )
  // An extension that the peer only receives cannot come from it, and one that it only sends cannot be sent
  // to it.
  const usable: Direction = role === 'receive' ? 'sendonly' : 'recvonly'
  const answered: AnsweredExtension[] = []
  const taken = new Set<number>()
  for (const { id, uri, direction, directionGiven } of offered) {
    const name = names.get(uri)
    if (name === undefined || id === reservedId || taken.has(id)) continue
    if (direction !== 'sendrecv' && direction !== usable) continue
    taken.add(id)
    names.delete(uri)
    const mirrored: Direction = role === 'receive' ? 'recvonly' : 'sendonly'
    answered.push({ name, id, uri, direction: directionGiven ? mirrored : undefined })
  }
  return answered
}

export function extensionIds(extensions: readonly AnsweredExtension[]): HeaderExtensionIds {
  return Object.fromEntries(extensions.map(({ name, id }) => [name, id]))
}
