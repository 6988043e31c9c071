/**
 * NTP timestamps as RTCP carries them: 32 bits of seconds since 1900 and 32 bits of fraction (RFC 3550
 * section 4, RFC 5905 section 6).
 */

/** From 1 January 1900 to 1 January 1970: 70 years, 17 of them leap years. */
const unixEpochInNtpSeconds = 2_208_988_800
const unitsPerSecond = 2 ** 32
/** The compact form counts in 1/65536 s. */
const compactUnitsPerMs = 65.536

/** The seconds of the NTP timestamp of a Unix time in milliseconds, modulo 2^32 (they wrap in 2036). */
export function ntpSecondsOf(unixMs: number): number {
  return (Math.floor(unixMs / 1000) + unixEpochInNtpSeconds) % unitsPerSecond
}

/** The fraction, in units of 2^-32 s, of the NTP timestamp of a Unix time in milliseconds. */
export function ntpFractionOf(unixMs: number): number {
  const ms = unixMs - Math.floor(unixMs / 1000) * 1000
  return Math.floor((ms * unitsPerSecond) / 1000)
}

/**
 * The Unix time in milliseconds (with a fraction) of an NTP timestamp. Seconds below 2^31 are taken for the
 * era that begins in 2036, as RFC 4330 section 3 advises, so times from 1968 to 2104 are told apart.
 */
export function unixMsOfNtp(seconds: number, fraction: number): number {
  const eraSeconds = seconds < 0x8000_0000 ? seconds + unitsPerSecond : seconds
  return (eraSeconds - unixEpochInNtpSeconds) * 1000 + (fraction * 1000) / unitsPerSecond
}

/**
 * The middle 32 bits of an NTP timestamp: what LSR in a report block repeats (RFC 3550 section 6.4.1). Units
 * of 1/65536 s.
 */
export function compactNtp(seconds: number, fraction: number): number {
  return ((seconds << 16) | (fraction >>> 16)) >>> 0
}

/** A duration in milliseconds in the units of LSR and DLSR (1/65536 s), held within 0 and 2^32 - 1. */
export function compactNtpOfMs(ms: number): number {
  return Math.max(0, Math.min(0xffff_ffff, Math.round(ms * compactUnitsPerMs)))
}

/** A duration of LSR's and DLSR's units (1/65536 s) in milliseconds. */
export function msOfCompactNtp(units: number): number {
  return units / compactUnitsPerMs
}

/**
 * The round-trip time in milliseconds from a report block that came at `nowCompact` (RFC 3550 section 6.4.1),
 * at least 0; -1 where the peer has not seen a sender report yet (LSR 0).
 */
export function roundTripTimeMs(
  nowCompact: number,
  lastSenderReport: number,
  delaySinceLastSenderReport: number,
): number {
  if (lastSenderReport === 0) return -1
  const units = (nowCompact - lastSenderReport - delaySinceLastSenderReport) | 0
  // Clocks of different speed can make it negative.
  return units < 0 ? 0 : msOfCompactNtp(units)
}
