/**
 * Where keyframes start in AV1 (AOMedia: RTP Payload Format for AV1, section 4.4; AV1 bitstream
 * specification, section 5.3).
 */
import type { KeyframeVerdict } from './keyframe-verdict.ts'

/*
 aggregation header  |Z|Y| W |N|-|-|-|   Z: first element continues, Y: last element will continue, W: number of elements
                                         (0: each has a length), N: first packet of a coded video sequence
 OBU element         length (leb128; absent from the last one where W is not 0), then the OBU
 OBU header          |F| type  |X|S|-|   X: one more byte follows, S: a size (leb128) follows
 */

const continuationBit = 0x80
const newSequenceBit = 0x08
const sequenceHeaderObu = 1
const frameHeaderObu = 3
const frameObu = 6
const obuExtensionFlag = 0x04
const obuHasSizeFlag = 0x02
/** leb128 as the specification allows it; an RTP payload's length takes three. */
const maxLeb128Bytes = 8

/**
 * 'yes' for the first packet of a coded video sequence, which starts with a keyframe: N is set, or, for
 * senders that forget N, a sequence header is followed by no frame or by a keyframe. Sequence headers
 * repeated in front of other frames do not count.
 */
export function detectAv1Keyframe(bytes: Uint8Array, offset: number, length: number): KeyframeVerdict {
  const end = Math.min(offset + length, bytes.length)
  if (offset < 0 || end - offset < 2) return 'unknown'
  const head = bytes[offset] ?? 0
  const continues = (head & continuationBit) !== 0
  if ((head & newSequenceBit) !== 0) {
    // A sequence cannot start in the middle of an OBU.
    return continues ? 'unknown' : 'yes'
  }

  const elements = (head >> 4) & 0x03
  let hasSequenceHeader = false
  let at = offset + 1
  for (let element = 1; at < end; element++) {
    let elementEnd = end
    if (elements === 0 || element < elements) {
      const lengthEnd = leb128End(bytes, at, end)
      if (lengthEnd < 0) return 'unknown'
      elementEnd = lengthEnd + leb128Value(bytes, at, lengthEnd)
      at = lengthEnd
      if (elementEnd > end) return 'unknown'
    }
    // A fragment in the middle of an OBU has no header.
    if (at < elementEnd && (element > 1 || !continues)) {
      const obuHeader = bytes[at] ?? 0
      const type = (obuHeader >> 3) & 0x0f
      if (type === sequenceHeaderObu) hasSequenceHeader = true
      else if ((type === frameObu || type === frameHeaderObu) && hasSequenceHeader) {
        return isKeyframeObu(bytes, at, elementEnd) ? 'yes' : 'no'
      }
    }
    at = elementEnd
    if (element === elements) break
  }
  return hasSequenceHeader ? 'yes' : 'no'
}

/** The frame header begins with show_existing_frame:1 and frame_type:2, where 0 is a keyframe. */
function isKeyframeObu(bytes: Uint8Array, start: number, end: number): boolean {
  const header = bytes[start] ?? 0
  let at = start + 1
  if ((header & obuExtensionFlag) !== 0) at++
  if ((header & obuHasSizeFlag) !== 0) {
    at = leb128End(bytes, at, end)
    if (at < 0) return false
  }
  return at < end && ((bytes[at] ?? 0) & 0xe0) === 0
}

/** The offset behind a leb128 number, -1 where it is cut off or too long. */
function leb128End(bytes: Uint8Array, start: number, end: number): number {
  const limit = Math.min(end, start + maxLeb128Bytes)
  for (let at = start; at < limit; at++) if (((bytes[at] ?? 0) & 0x80) === 0) return at + 1
  return -1
}

function leb128Value(bytes: Uint8Array, start: number, end: number): number {
  let value = 0
  for (let at = end - 1; at >= start; at--) value = value * 128 + ((bytes[at] ?? 0) & 0x7f)
  return value
}
