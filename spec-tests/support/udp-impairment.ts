/** Decides what a bad link does to each datagram: pure, so that the same seed always gives the same link. */
import type { Random } from './random.ts'

/** One direction of a link. Rates are probabilities per datagram. */
export interface Impairment {
  readonly lossRate?: number
  readonly duplicateRate?: number
  /** Such datagrams are held back by `reorderDelayMs`, so that later ones overtake them. */
  readonly reorderRate?: number
  readonly reorderDelayMs?: number
  /** Every datagram's delay. */
  readonly delayMs?: number
  /** Only RTP and RTCP suffer (RFC 7983 section 7); STUN and DTLS are always only delayed. */
  readonly mediaOnly?: boolean
}

export const perfectLink: Impairment = {}

const defaultReorderDelayMs = 15

export interface Fate {
  /** When each copy leaves, in ms after its arrival; empty: lost. */
  readonly copiesAfterMs: readonly number[]
  readonly reordered: boolean
}

/** Draws the same number of random values for each datagram, so that one rate does not change what another one hits. */
export function decideFate(datagram: Uint8Array, impairment: Impairment, random: Random): Fate {
  const [loss, duplicate, reorder] = [random(), random(), random()]
  const delayMs = impairment.delayMs ?? 0
  if (impairment.mediaOnly === true && !isMedia(datagram))
    return { copiesAfterMs: [delayMs], reordered: false }
  if (loss < (impairment.lossRate ?? 0)) return { copiesAfterMs: [], reordered: false }
  const reordered = reorder < (impairment.reorderRate ?? 0)
  const afterMs = delayMs + (reordered ? (impairment.reorderDelayMs ?? defaultReorderDelayMs) : 0)
  const copies = duplicate < (impairment.duplicateRate ?? 0) ? 2 : 1
  return { copiesAfterMs: new Array<number>(copies).fill(afterMs), reordered }
}

function isMedia(datagram: Uint8Array): boolean {
  const first = datagram[0] ?? 0
  return first >= 128 && first <= 191
}
