/** The VP9 payload descriptor and where keyframes start (RFC 9628 section 4). */
import type { KeyframeVerdict } from './keyframe-verdict.ts'

/*
      0 1 2 3 4 5 6 7
     +-+-+-+-+-+-+-+-+
     |I|P|L|F|B|E|V|Z|
     +-+-+-+-+-+-+-+-+
 I:  |M| PictureID   |   7 bits, 15 with M
     +-+-+-+-+-+-+-+-+
 L:  | TID |U| SID |D|
     +-+-+-+-+-+-+-+-+
     |   TL0PICIDX   |   with L, not in flexible mode (F)
     +-+-+-+-+-+-+-+-+
 P,F:| P_DIFF      |N|   up to three times, as long as N
     +-+-+-+-+-+-+-+-+
 V:  | scalability structure: N_S:3 Y G -:3, then (Y) N_S+1 times width and height in 16 bits each,
     | then (G) N_G:8 and N_G times TID:3 U R:2 -:2 followed by R bytes
 */

const maxReferenceIndices = 3

/**
 * A parsed descriptor, mutable so that one object serves every packet. What is absent is -1; offsets are
 * absolute.
 */
export interface Vp9Descriptor {
  /** Bytes of the descriptor. */
  length: number
  interPicturePredicted: boolean
  flexibleMode: boolean
  startOfFrame: boolean
  endOfFrame: boolean
  /** Z: not a reference for upper spatial layers. */
  notReferenceForUpperLayers: boolean
  hasScalabilityStructure: boolean
  pictureId: number
  pictureIdOffset: number
  /** 7 or 15, 0 where there is no picture id. */
  pictureIdBits: number
  temporalLayer: number
  switchingUpPoint: boolean
  spatialLayer: number
  interLayerPredicted: boolean
  tl0PictureIndex: number
  tl0PictureIndexOffset: number
}

export function createVp9Descriptor(): Vp9Descriptor {
  return {
    length: 0,
    interPicturePredicted: false,
    flexibleMode: false,
    startOfFrame: false,
    endOfFrame: false,
    notReferenceForUpperLayers: false,
    hasScalabilityStructure: false,
    pictureId: -1,
    pictureIdOffset: -1,
    pictureIdBits: 0,
    temporalLayer: -1,
    switchingUpPoint: false,
    spatialLayer: -1,
    interLayerPredicted: false,
    tl0PictureIndex: -1,
    tl0PictureIndexOffset: -1,
  }
}

/**
 * Reads the descriptor at the start of a payload. Returns false where it is cut off or nothing comes behind
 * it, with the descriptor in an undefined state.
 */
export function parseVp9Descriptor(
  bytes: Uint8Array,
  offset: number,
  length: number,
  descriptor: Vp9Descriptor,
): boolean {
  const end = Math.min(offset + length, bytes.length)
  if (offset < 0 || offset >= end) return false
  const first = bytes[offset] ?? 0
  let at = offset + 1
  descriptor.interPicturePredicted = (first & 0x40) !== 0
  descriptor.flexibleMode = (first & 0x10) !== 0
  descriptor.startOfFrame = (first & 0x08) !== 0
  descriptor.endOfFrame = (first & 0x04) !== 0
  descriptor.hasScalabilityStructure = (first & 0x02) !== 0
  descriptor.notReferenceForUpperLayers = (first & 0x01) !== 0
  descriptor.pictureId = -1
  descriptor.pictureIdOffset = -1
  descriptor.pictureIdBits = 0
  descriptor.temporalLayer = -1
  descriptor.switchingUpPoint = false
  descriptor.spatialLayer = -1
  descriptor.interLayerPredicted = false
  descriptor.tl0PictureIndex = -1
  descriptor.tl0PictureIndexOffset = -1

  if ((first & 0x80) !== 0) {
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
  if ((first & 0x20) !== 0) {
    if (at >= end) return false
    const layers = bytes[at++] ?? 0
    descriptor.temporalLayer = layers >> 5
    descriptor.switchingUpPoint = (layers & 0x10) !== 0
    descriptor.spatialLayer = (layers >> 1) & 0x07
    descriptor.interLayerPredicted = (layers & 0x01) !== 0
    if (!descriptor.flexibleMode) {
      if (at >= end) return false
      descriptor.tl0PictureIndexOffset = at
      descriptor.tl0PictureIndex = bytes[at++] ?? 0
    }
  }
  if (descriptor.flexibleMode && descriptor.interPicturePredicted) {
    let more = true
    for (let i = 0; more; i++) {
      if (i === maxReferenceIndices || at >= end) return false
      more = ((bytes[at++] ?? 0) & 0x01) !== 0
    }
  }
  if (descriptor.hasScalabilityStructure) {
    at = skipScalabilityStructure(bytes, at, end)
    if (at < 0) return false
  }
  descriptor.length = at - offset
  return at < end
}

/** Returns the offset behind the structure, -1 where it is cut off. */
function skipScalabilityStructure(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end) return -1
  const head = bytes[start] ?? 0
  let at = start + 1
  if ((head & 0x10) !== 0) at += ((head >> 5) + 1) * 4
  if ((head & 0x08) !== 0) {
    if (at >= end) return -1
    let pictures = bytes[at++] ?? 0
    for (; pictures > 0; pictures--) {
      if (at >= end) return -1
      at += 1 + (((bytes[at] ?? 0) >> 2) & 0x03)
    }
  }
  return at > end ? -1 : at
}

const scratch = createVp9Descriptor()

/**
 * 'yes' for the first packet of a keyframe: a frame of the lowest spatial layer starts, it is predicted from
 * no other picture, and the frame's own header, where it can be read, says keyframe. Intra-only frames have
 * the same descriptor, but a decoder cannot start with them.
 */
export function detectVp9Keyframe(bytes: Uint8Array, offset: number, length: number): KeyframeVerdict {
  if (!parseVp9Descriptor(bytes, offset, length, scratch)) return 'unknown'
  if (scratch.interPicturePredicted || !scratch.startOfFrame || scratch.spatialLayer > 0) return 'no'
  return isOtherFrameType(bytes[offset + scratch.length] ?? 0) ? 'no' : 'yes'
}

/**
 * True where the first byte of the uncompressed header (VP9 bitstream specification, section 6.2) rules a
 * keyframe out: frame_marker:2 (binary 10), profile_low:1, profile_high:1, then with profile 3 a reserved
 * bit, show_existing_frame:1, frame_type:1 (0 is a keyframe). Payloads that are encrypted end to end have no
 * such marker, and the descriptor alone decides.
 */
function isOtherFrameType(byte: number): boolean {
  if (byte >> 6 !== 2) return false
  const isProfile3 = (byte & 0x30) === 0x30
  return (byte & (isProfile3 ? 0x06 : 0x0c)) !== 0
}
