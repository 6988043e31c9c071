/** The values inside header extensions: text items (RFC 7941 section 4.1) and absolute send time. */

/** Absolute send time counts in 2^-18 s, modulo 64 s (24 bits). */
const absoluteSendTimeUnitsPerMs = 262.144
/** MID and RID are a few characters; longer ones are not looked up. */
const maxTextLength = 255

/**
 * A text item such as MID or RID. Undefined unless it is 1 to 255 characters of printable ASCII without
 * spaces, which both are made of (RFC 8843 section 5, RFC 8851 section 4). Allocates: for packets of SSRCs
 * that are not known yet.
 */
export function readExtensionText(bytes: Uint8Array, offset: number, length: number): string | undefined {
  if (offset < 0 || length < 1 || length > maxTextLength || length > bytes.length - offset) return undefined
  let text = ''
  for (let i = offset; i < offset + length; i++) {
    const character = bytes[i] ?? 0
    if (character <= 0x20 || character >= 0x7f) return undefined
    text += String.fromCharCode(character)
  }
  return text
}

/**
 * The 24-bit absolute send time of a time in milliseconds; any clock will do, as receivers only use
 * differences.
 */
export function absoluteSendTimeOfMs(ms: number): number {
  return Math.floor(ms * absoluteSendTimeUnitsPerMs) & 0xff_ffff
}

/** How far one absolute send time is ahead of another, in milliseconds, -32,000 to 32,000. */
export function absoluteSendTimeDistanceMs(from: number, to: number): number {
  return (((to - from) << 8) >> 8) / absoluteSendTimeUnitsPerMs
}
