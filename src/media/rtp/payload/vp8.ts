/** The VP8 payload descriptor and where keyframes start (RFC 7741 section 4). */
import type { KeyframeVerdict } from './keyframe-verdict.ts'

/*
      0 1 2 3 4 5 6 7
     +-+-+-+-+-+-+-+-+
     |X|R|N|S|R| PID |
     +-+-+-+-+-+-+-+-+
 X:  |I|L|T|K| RSV   |
     +-+-+-+-+-+-+-+-+
 I:  |M| PictureID   |   7 bits, 15 with M
     +-+-+-+-+-+-+-+-+
 L:  |   TL0PICIDX   |
     +-+-+-+-+-+-+-+-+
 T/K:|TID|Y| KEYIDX  |
     +-+-+-+-+-+-+-+-+
 Then, in a frame's first packet, the payload header |Size0|H| VER |P|, where P is 0 in keyframes.
 */

/**
 * A parsed descriptor, mutable so that one object serves every packet. What is absent is -1; offsets are
 * absolute.
 */
export interface Vp8Descriptor {
  /** Bytes of the descriptor. */
  length: number
  nonReference: boolean
  startOfPartition: boolean
  partitionIndex: number
  pictureId: number
  pictureIdOffset: number
  /** 7 or 15, 0 where there is no picture id. */
  pictureIdBits: number
  tl0PictureIndex: number
  tl0PictureIndexOffset: number
  temporalLayer: number
  layerSync: boolean
  keyIndex: number
}

export function createVp8Descriptor(): Vp8Descriptor {
  return {
    length: 0,
    nonReference: false,
    startOfPartition: false,
    partitionIndex: 0,
    pictureId: -1,
    pictureIdOffset: -1,
    pictureIdBits: 0,
    tl0PictureIndex: -1,
    tl0PictureIndexOffset: -1,
    temporalLayer: -1,
    layerSync: false,
    keyIndex: -1,
  }
}

/**
 * Reads the descriptor at the start of a payload. Returns false where it is cut off or nothing comes behind
 * it, with the descriptor in an undefined state.
 */
export function parseVp8Descriptor(
  bytes: Uint8Array,
  offset: number,
  length: number,
  descriptor: Vp8Descriptor,
): boolean {
  const end = Math.min(offset + length, bytes.length)
  if (offset < 0 || offset >= end) return false
  const first = bytes[offset] ?? 0
  let at = offset + 1
  descriptor.nonReference = (first & 0x20) !== 0
  descriptor.startOfPartition = (first & 0x10) !== 0
  descriptor.partitionIndex = first & 0x07
  descriptor.pictureId = -1
  descriptor.pictureIdOffset = -1
  descriptor.pictureIdBits = 0
  descriptor.tl0PictureIndex = -1
  descriptor.tl0PictureIndexOffset = -1
  descriptor.temporalLayer = -1
  descriptor.layerSync = false
  descriptor.keyIndex = -1

  if ((first & 0x80) !== 0) {
    if (at >= end) return false
    const extensions = bytes[at++] ?? 0
    if ((extensions & 0x80) !== 0) {
      if (at >= end) return false
      const high = bytes[at] ?? 0
      descriptor.pictureIdOffset = at++
      if ((high & 0x80) === 0) {
        descriptor.pictureIdBits = 7
        descriptor.pictureId = high
      } else {
        if (at >= end) return false
        descriptor.pictureIdBits = 15
        descriptor.pictureId = ((high & 0x7f) << 8) | (bytes[at++] ?? 0)
      }
    }
    if ((extensions & 0x40) !== 0) {
      if (at >= end) return false
      descriptor.tl0PictureIndexOffset = at
      descriptor.tl0PictureIndex = bytes[at++] ?? 0
    }
    if ((extensions & 0x30) !== 0) {
      if (at >= end) return false
      const layers = bytes[at++] ?? 0
      // "Y ... MUST be ignored by the receiver when the T bit is set equal to 0".
      if ((extensions & 0x20) !== 0) {
        descriptor.temporalLayer = layers >> 6
        descriptor.layerSync = (layers & 0x20) !== 0
      }
      if ((extensions & 0x10) !== 0) descriptor.keyIndex = layers & 0x1f
    }
  }
  descriptor.length = at - offset
  return at < end
}

const scratch = createVp8Descriptor()

/** 'yes' for the first packet of a keyframe: start of partition 0 and P is 0. */
export function detectVp8Keyframe(bytes: Uint8Array, offset: number, length: number): KeyframeVerdict {
  if (!parseVp8Descriptor(bytes, offset, length, scratch)) return 'unknown'
  if (!scratch.startOfPartition || scratch.partitionIndex !== 0) return 'no'
  return ((bytes[offset + scratch.length] ?? 0) & 0x01) === 0 ? 'yes' : 'no'
}
