/** RTP header extensions in the one-byte and the two-byte form (RFC 8285 section 4). */
import type { RtpHeader } from './rtp-header.ts'

/*
 one-byte form: 0xbede | words |  ID:4  len-1:4 | data ... | padding (zero bytes)
 two-byte form: 0x100_appbits | words | ID:8 | len:8 | data ... | padding (zero bytes)
 */

const oneByteProfile = 0xbede
const twoByteProfile = 0x1000
/** The low four bits are "appbits", free for applications. */
const twoByteProfileMask = 0xfff0
const extensionHeaderBytes = 4
/** Ends the extension in the one-byte form (section 4.2). */
const oneByteStopId = 15
const maxOneByteId = 14
const maxOneByteLength = 16
const maxTwoByteLength = 255
/**
 * A peer negotiates at most ten with us (codecs.ts); more than this is not looked at, which bounds the
 * arrays.
 */
const maxElements = 32

export type HeaderExtensionForm = 'one-byte' | 'two-byte'

/**
 * The elements of one packet's header extension. One object serves every packet; valid until the next `read`.
 */
export class HeaderExtensionReader {
  /** How many of the entries below are valid. */
  count = 0
  readonly ids = new Uint8Array(maxElements)
  /** Absolute offset of each element's data. */
  readonly offsets = new Int32Array(maxElements)
  /** Bytes of each element's data; may be 0 in the two-byte form. */
  readonly lengths = new Uint8Array(maxElements)

  /**
   * Reads the elements of the packet that `header` was parsed from. Other profiles have none; a damaged tail
   * is ignored.
   */
  read(bytes: Uint8Array, header: RtpHeader): void {
    this.count = 0
    const end = Math.min(header.extensionOffset + header.extensionLength, bytes.length)
    if (header.extensionProfile === oneByteProfile) this.#readOneByteForm(bytes, header.extensionOffset, end)
    else if ((header.extensionProfile & twoByteProfileMask) === twoByteProfile) {
      this.#readTwoByteForm(bytes, header.extensionOffset, end)
    }
  }

  /** The index of the first element with this id, or -1. */
  find(id: number): number {
    for (let i = 0; i < this.count; i++) if (this.ids[i] === id) return i
    return -1
  }

  #readOneByteForm(bytes: Uint8Array, start: number, end: number): void {
    let at = start
    while (at < end) {
      const head = bytes[at++] ?? 0
      if (head === 0) continue
      const id = head >> 4
      // "An extension element with an ID value equal to 0 MUST NOT have an associated length field greater
      // than 0 [else] processing of the entire extension MUST terminate at that point" (section 4.1.2).
      if (id === 0 || id === oneByteStopId) return
      const length = (head & 0x0f) + 1
      if (!this.#push(id, at, length, end)) return
      at += length
    }
  }

  #readTwoByteForm(bytes: Uint8Array, start: number, end: number): void {
    let at = start
    while (at < end) {
      const id = bytes[at++] ?? 0
      if (id === 0) continue
      if (at >= end) return
      const length = bytes[at++] ?? 0
      if (!this.#push(id, at, length, end)) return
      at += length
    }
  }

  #push(id: number, offset: number, length: number, end: number): boolean {
    if (offset + length > end || this.count === maxElements) return false
    this.ids[this.count] = id
    this.offsets[this.count] = offset
    this.lengths[this.count] = length
    this.count++
    return true
  }
}

const noBytes = new Uint8Array(0)
const noView = new DataView(noBytes.buffer)

/**
 * Writes one packet's header extension in place: `begin`, any number of `add`s, `end`. One object serves
 * every packet. An `add` returns false and writes nothing where the id or the length does not exist in the
 * chosen form, or where the memory has no room for it.
 */
export class HeaderExtensionWriter {
  #bytes: Uint8Array = noBytes
  #view: DataView = noView
  #start = 0
  #at = 0
  #oneByte = true

  /**
   * `offset` is where the extension's own four-byte header goes, 12 behind the start of a header without CSRC
   * list.
   */
  begin(bytes: Uint8Array, view: DataView, offset: number, form: HeaderExtensionForm): void {
    this.#bytes = bytes
    this.#view = view
    this.#start = offset
    this.#at = offset + extensionHeaderBytes
    this.#oneByte = form === 'one-byte'
  }

  /**
   * Copies `length` bytes of `source`; 1 to 16 of them in the one-byte form, 0 to 255 in the two-byte form.
   */
  add(id: number, source: Uint8Array, sourceOffset: number, length: number): boolean {
    if (sourceOffset < 0 || length > source.length - sourceOffset) return false
    if (!this.#addHead(id, length)) return false
    const bytes = this.#bytes
    for (let i = 0; i < length; i++) bytes[this.#at + i] = source[sourceOffset + i] ?? 0
    this.#at += length
    return true
  }

  addUint8(id: number, value: number): boolean {
    if (!this.#addHead(id, 1)) return false
    this.#view.setUint8(this.#at, value)
    this.#at += 1
    return true
  }

  addUint16(id: number, value: number): boolean {
    if (!this.#addHead(id, 2)) return false
    this.#view.setUint16(this.#at, value)
    this.#at += 2
    return true
  }

  addUint24(id: number, value: number): boolean {
    if (!this.#addHead(id, 3)) return false
    this.#view.setUint8(this.#at, value >> 16)
    this.#view.setUint16(this.#at + 1, value)
    this.#at += 3
    return true
  }

  /**
   * Pads to whole words and writes the extension's header. Returns its bytes in all; 0, and writes nothing,
   * if it is empty.
   */
  end(): number {
    const elementsStart = this.#start + extensionHeaderBytes
    if (this.#at === elementsStart) return 0
    while (((this.#at - elementsStart) & 3) !== 0) this.#bytes[this.#at++] = 0
    this.#view.setUint16(this.#start, this.#oneByte ? oneByteProfile : twoByteProfile)
    this.#view.setUint16(this.#start + 2, (this.#at - elementsStart) >> 2)
    return this.#at - this.#start
  }

  #addHead(id: number, length: number): boolean {
    const headBytes = this.#oneByte ? 1 : 2
    const used = this.#at + headBytes + length - this.#start
    // Room for the padding as well: the extension is a whole number of words.
    if (this.#start + ((used + 3) & ~3) > this.#bytes.length) return false
    if (this.#oneByte) {
      if (id < 1 || id > maxOneByteId || length < 1 || length > maxOneByteLength) return false
      this.#bytes[this.#at++] = (id << 4) | (length - 1)
      return true
    }
    if (id < 1 || id > 255 || length < 0 || length > maxTwoByteLength) return false
    this.#bytes[this.#at++] = id
    this.#bytes[this.#at++] = length
    return true
  }
}
