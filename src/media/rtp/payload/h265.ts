/** Where keyframes start in H.265 (RFC 7798 section 4). */
import type { KeyframeVerdict } from './keyframe-verdict.ts'

/*
 payload header    |F|   Type    |  LayerId  | TID |     two bytes
 FU header         |S|E|  FuType   |               behind the payload header, whose type is 49
 */

/** BLA, IDR and CRA pictures, and two reserved kinds of random access point. */
const firstRandomAccessType = 16
const lastRandomAccessType = 23
const videoParameterSet = 32
const sequenceParameterSet = 33
const aggregationPacket = 48
const fragmentationUnit = 49
const payloadHeaderBytes = 2
const startBit = 0x80
const fuTypeMask = 0x3f
const firstSliceSegmentInPictureFlag = 0x80

/**
 * 'yes' for the first slice segment of a random access picture (BLA, IDR, CRA) and for a video or sequence
 * parameter set, alone, in an aggregation packet or at the start of a fragmentation unit. As with H.264 the
 * first 'yes' of a timestamp is the keyframe's start. DONL fields are not expected: sprop-max-don-diff is not
 * negotiated. 'unknown' for PACI and unspecified types.
 */
export function detectH265Keyframe(bytes: Uint8Array, offset: number, length: number): KeyframeVerdict {
  if (length < payloadHeaderBytes + 1) return 'unknown'
  const end = offset + length
  const type = nalUnitType(bytes, offset)
  if (type === aggregationPacket) return detectInAggregate(bytes, offset + payloadHeaderBytes, end)
  if (type === fragmentationUnit) {
    const fuHeader = bytes[offset + payloadHeaderBytes] ?? 0
    if ((fuHeader & startBit) === 0) return 'no'
    return startsKeyframe(bytes, fuHeader & fuTypeMask, offset + payloadHeaderBytes + 1, end) ? 'yes' : 'no'
  }
  if (type > fragmentationUnit) return 'unknown'
  return startsKeyframe(bytes, type, offset + payloadHeaderBytes, end) ? 'yes' : 'no'
}

function detectInAggregate(bytes: Uint8Array, start: number, end: number): KeyframeVerdict {
  let at = start
  while (at < end) {
    if (at + 2 > end) return 'unknown'
    const size = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
    at += 2
    if (size < payloadHeaderBytes || size > end - at) return 'unknown'
    if (startsKeyframe(bytes, nalUnitType(bytes, at), at + payloadHeaderBytes, at + size)) return 'yes'
    at += size
  }
  return 'no'
}

function nalUnitType(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) >> 1) & 0x3f
}

function startsKeyframe(bytes: Uint8Array, type: number, contentAt: number, end: number): boolean {
  if (type === videoParameterSet || type === sequenceParameterSet) return true
  if (type < firstRandomAccessType || type > lastRandomAccessType) return false
  return contentAt < end && ((bytes[contentAt] ?? 0) & firstSliceSegmentInPictureFlag) !== 0
}
