/** The header extensions (RFC 8285) whose values pass from publisher to viewers unchanged, each under the viewer's own id. */
import type { HeaderExtensionIds, HeaderExtensionName } from '../rtp/codecs.ts'
import type { HeaderExtensionReader } from '../rtp/header-extensions.ts'

/**
 * The others are hop by hop: mid and rid name things of one session, transport-wide sequence numbers and absolute send times
 * are made anew for each viewer.
 */
export const forwardableExtensions = [
  'absCaptureTime',
  'audioLevel',
  'videoOrientation',
  'playoutDelay',
  'dependencyDescriptor',
] as const satisfies readonly HeaderExtensionName[]

/** Bytes of elements per packet; a dependency descriptor with a large template structure takes about 100. */
export const maxForwardedExtensionBytes = 192
const elementHeadBytes = 2
const notForwarded = 0xff
const maxOneByteValueBytes = 16

/** Picks the forwardable elements out of one track's packets, in the form in which `PacketStore` keeps them. */
export class ExtensionCollector {
  readonly elements = new Uint8Array(maxForwardedExtensionBytes)
  /** Bytes of `elements` that the last `collect` filled. */
  length = 0
  /** Whether one of them does not fit the one-byte form. */
  needsTwoByteForm = false
  readonly #nameIndexOfId = new Uint8Array(256).fill(notForwarded)

  constructor(ids: HeaderExtensionIds) {
    forwardableExtensions.forEach((name, index) => {
      const id = ids[name]
      if (id !== undefined) this.#nameIndexOfId[id & 0xff] = index
    })
  }

  collect(bytes: Uint8Array, reader: HeaderExtensionReader): void {
    let at = 0
    this.needsTwoByteForm = false
    for (let i = 0; i < reader.count; i++) {
      const nameIndex = this.#nameIndexOfId[reader.ids[i]!]!
      if (nameIndex === notForwarded) continue
      const length = reader.lengths[i]!
      if (at + elementHeadBytes + length > maxForwardedExtensionBytes) continue
      if (length === 0 || length > maxOneByteValueBytes) this.needsTwoByteForm = true
      this.elements[at++] = nameIndex
      this.elements[at++] = length
      const offset = reader.offsets[i]!
      for (let j = 0; j < length; j++) this.elements[at++] = bytes[offset + j]!
    }
    this.length = at
  }
}

/** One viewer's id of each forwardable extension, by index in `forwardableExtensions`; 0 where it did not negotiate it. */
export function forwardableIds(ids: HeaderExtensionIds): Uint8Array {
  return Uint8Array.from(forwardableExtensions, (name) => ids[name] ?? 0)
}
