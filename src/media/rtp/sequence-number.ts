/**
 * RTP's 16-bit sequence numbers and 32-bit timestamps, which wrap around (RFC 3550 section 5.1, appendix
 * A.1).
 */

declare const sequenceNumberBrand: unique symbol
declare const extendedSequenceNumberBrand: unique symbol

/** 0 to 65535, as on the wire. Two of them must not be compared with `<`: see `sequenceDistance`. */
export type SequenceNumber = number & { readonly [sequenceNumberBrand]: true }

/**
 * Roll-over counter * 65536 + sequence number: an exact integer that never wraps, may grow beyond 32 bits and
 * compares with `<`.
 */
export type ExtendedSequenceNumber = number & { readonly [extendedSequenceNumberBrand]: true }

const numbersPerRollOver = 0x10000

/** The low 16 bits of any integer, extended or negative ones too. */
export function toSequenceNumber(n: number): SequenceNumber {
  return (n & 0xffff) as SequenceNumber
}

/**
 * The extended number of a sequence number in the given turn of the roll-over counter (RFC 3711 section
 * 3.3.1).
 */
export function toExtendedSequenceNumber(rollOverCounter: number, s: SequenceNumber): ExtendedSequenceNumber {
  return (rollOverCounter * numbersPerRollOver + s) as ExtendedSequenceNumber
}

/** How often the 16 bits have wrapped. */
export function rollOverCounterOf(n: ExtendedSequenceNumber): number {
  return Math.floor(n / numbersPerRollOver)
}

/** How far `to` is ahead of `from`, -32768 to 32767; negative where `to` is the older one. */
export function sequenceDistance(from: SequenceNumber, to: SequenceNumber): number {
  return ((to - from) << 16) >> 16
}

/** The extended number nearest to `reference` that has the low 16 bits `s`; never negative. */
export function extendSequenceNumber(
  reference: ExtendedSequenceNumber,
  s: SequenceNumber,
): ExtendedSequenceNumber {
  const nearest = reference + sequenceDistance(toSequenceNumber(reference), s)
  return (nearest < 0 ? nearest + numbersPerRollOver : nearest) as ExtendedSequenceNumber
}

/** How far timestamp `to` is ahead of `from`, as a signed 32-bit number of clock ticks. */
export function timestampDistance(from: number, to: number): number {
  return (to - from) | 0
}

/** The unsigned 32-bit timestamp `delta` ticks (of either sign) after `t`. */
export function addTimestamp(t: number, delta: number): number {
  return (t + delta) >>> 0
}
