/** Unguessable names and numbers: session ids, ICE credentials (RFC 8445 section 5.3, RFC 8839 section 5.4), SSRCs. */
import { randomBytes, randomUUID } from 'node:crypto'

/** Where chance comes from; tests seed it. */
export interface Chance {
  bytes(length: number): Uint8Array
  uuid(): string
}

export const systemChance: Chance = { bytes: (length) => randomBytes(length), uuid: () => randomUUID() }

/** RFC 8839 section 5.4: ice-char; 64 characters, so that six random bits choose one. */
const iceCharacters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** 48 bits; RFC 8839 asks for at least 24. The sessions of a process are told apart by it. */
const UFRAG_LENGTH = 8
/** 192 bits; RFC 8839 asks for at least 128. */
const PASSWORD_LENGTH = 32
const CNAME_LENGTH = 16 // 96 bits, as RFC 7022 section 4.2 asks for short-term names

export const randomIceText = (chance: Chance, length: number): string =>
  Array.from(chance.bytes(length), (byte) => iceCharacters[byte & 63]).join('')

/** A user fragment that is not in `taken`. */
export function newUfrag(chance: Chance, taken: { has(ufrag: string): boolean }): string {
  for (;;) {
    const ufrag = randomIceText(chance, UFRAG_LENGTH)
    if (!taken.has(ufrag)) return ufrag
  }
}

export const newPassword = (chance: Chance): string => randomIceText(chance, PASSWORD_LENGTH)

export const newCname = (chance: Chance): string => randomIceText(chance, CNAME_LENGTH)

/** Gives a new SSRC at each call, never zero and never one that it gave before (RFC 3550 section 8.1). */
export function ssrcSource(chance: Chance): () => number {
  const given = new Set<number>([0])
  return () => {
    for (;;) {
      const [a = 0, b = 0, c = 0, d = 0] = chance.bytes(4)
      const ssrc = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0
      if (given.has(ssrc)) continue
      given.add(ssrc)
      return ssrc
    }
  }
}

/** RFC 9429 section 5.2.1: a 63-bit number for the origin line. */
export function newSdpSessionId(chance: Chance): string {
  let value = 0n
  for (const byte of chance.bytes(8)) value = (value << 8n) | BigInt(byte)
  return (value & 0x7fff_ffff_ffff_ffffn).toString()
}
