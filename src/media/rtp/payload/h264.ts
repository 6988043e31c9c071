/** Where keyframes start in H.264 (RFC 6184 section 5). */
import type { KeyframeVerdict } from './keyframe-verdict.ts'

/*
 NAL unit header   |F|NRI|  Type   |
 FU header         |S|E|R|  Type   |  behind the FU indicator, whose type is 28
 */

const idrSlice = 5
const sequenceParameterSet = 7
const lastSingleNalUnitType = 23
const stapA = 24
const fuA = 28
const nalUnitTypeMask = 0x1f
const startBit = 0x80
/**
 * Of a slice header, whose first number is Exp-Golomb coded: a leading 1 says 0, the picture's first
 * macroblock.
 */
const firstMacroblockBit = 0x80

/**
 * 'yes' for the first slice of an IDR picture and for a sequence parameter set, alone, in a STAP-A or at the
 * start of an FU-A. Decoders need the parameter sets and encoders put them right in front of the IDR picture,
 * in packets of their own or not: the first 'yes' of a timestamp is therefore the keyframe's start, and
 * others may follow with the same timestamp. Where an encoder refreshes gradually and sends no IDR pictures
 * at all, the parameter sets are where a decoder can begin. Interleaved packets (STAP-B, MTAP, FU-B) belong
 * to packetization-mode 2, which is not negotiated: 'unknown'.
 */
export function detectH264Keyframe(bytes: Uint8Array, offset: number, length: number): KeyframeVerdict {
  if (length < 2) return 'unknown'
  const end = offset + length
  const type = (bytes[offset] ?? 0) & nalUnitTypeMask
  if (type === stapA) return detectInAggregate(bytes, offset + 1, end)
  if (type === fuA) {
    const fuHeader = bytes[offset + 1] ?? 0
    if ((fuHeader & startBit) === 0) return 'no'
    return startsKeyframe(bytes, fuHeader & nalUnitTypeMask, offset + 2, end) ? 'yes' : 'no'
  }
  if (type === 0 || type > lastSingleNalUnitType) return 'unknown'
  return startsKeyframe(bytes, type, offset + 1, end) ? 'yes' : 'no'
}

function detectInAggregate(bytes: Uint8Array, start: number, end: number): KeyframeVerdict {
  let at = start
  while (at < end) {
    if (at + 2 > end) return 'unknown'
    const size = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
    at += 2
    if (size === 0 || size > end - at) return 'unknown'
    if (startsKeyframe(bytes, (bytes[at] ?? 0) & nalUnitTypeMask, at + 1, at + size)) return 'yes'
    at += size
  }
  return 'no'
}

function startsKeyframe(bytes: Uint8Array, type: number, contentAt: number, end: number): boolean {
  if (type === sequenceParameterSet) return true
  return type === idrSlice && contentAt < end && ((bytes[contentAt] ?? 0) & firstMacroblockBit) !== 0
}
