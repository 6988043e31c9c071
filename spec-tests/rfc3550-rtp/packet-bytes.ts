/**
 * Bytes for the wire format tests: from hex, and put among other bytes to show that no parser looks at those.
 */
import fc from 'fast-check'

/** One seed for all property tests of the wire formats, so that a failure repeats. */
export const seeded = { seed: 3550, numRuns: 1500 } as const

export interface Placed {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly offset: number
  readonly length: number
}

/** Hex digits; anything else is only there to be read by people. */
export function hex(text: string): Uint8Array {
  const digits = text.replaceAll(/[^0-9a-fA-F]/g, '')
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) =>
    Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16),
  )
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** The packet with `before` bytes of `filler` in front of it and 300 behind it. */
export function place(packet: Uint8Array, filler = 0xff, before = 7): Placed {
  const bytes = new Uint8Array(before + packet.length + 300).fill(filler)
  bytes.set(packet, before)
  return { bytes, view: new DataView(bytes.buffer), offset: before, length: packet.length }
}

/** Random bytes, and valid packets that were cut, overwritten and lengthened. */
export function damaged(...valid: Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const random = fc.uint8Array({ maxLength: 200 })
  const edits = fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 4 })
  const mutated = fc
    .tuple(fc.constantFrom(...valid), edits, fc.nat(400), fc.uint8Array({ maxLength: 20 }))
    .map(([packet, changes, cutAt, tail]) => {
      const kept = packet.slice(0, 1 + (cutAt % (2 * packet.length)))
      for (const [at, value] of changes) if (kept.length > 0) kept[at % kept.length] = value
      return Uint8Array.from([...kept, ...tail])
    })
  return fc.oneof({ arbitrary: random, weight: 1 }, { arbitrary: mutated, weight: 3 })
}
