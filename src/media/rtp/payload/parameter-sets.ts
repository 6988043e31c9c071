/** Finds the parameter sets in payloads of H.264 (RFC 6184) and H.265 (RFC 7798): without them nobody can decode a keyframe. */
import type { CodecName } from '../codecs.ts'

/** Longer ones are fragmented in practice, and are none that an encoder makes. */
export const maxParameterSetBytes = 1_000

interface Shape {
  readonly headerBytes: number
  readonly aggregate: number
  isParameterSet(type: number): boolean
  typeOf(firstByte: number): number
}

const h264: Shape = {
  headerBytes: 1,
  aggregate: 24, // STAP-A
  isParameterSet: (type) => type === 7 || type === 8, // SPS, PPS
  typeOf: (firstByte) => firstByte & 0x1f,
}
const h265: Shape = {
  headerBytes: 2,
  aggregate: 48, // AP
  isParameterSet: (type) => type >= 32 && type <= 34, // VPS, SPS, PPS
  typeOf: (firstByte) => (firstByte >> 1) & 0x3f,
}

/** Whether the codec has parameter sets that may come in packets of their own. */
export function hasParameterSets(codec: CodecName): codec is 'H264' | 'H265' {
  return codec === 'H264' || codec === 'H265'
}

/**
 * Calls `visit` with each parameter set's NAL unit, alone or in an aggregate. Returns whether there was one. Damaged aggregates
 * are read as far as they go.
 */
export function visitParameterSets(
  codec: 'H264' | 'H265',
  bytes: Uint8Array,
  offset: number,
  length: number,
  visit: (type: number, offset: number, length: number) => void,
): boolean {
  const shape = codec === 'H264' ? h264 : h265
  if (length <= shape.headerBytes || offset < 0 || length > bytes.length - offset) return false
  const type = shape.typeOf(bytes[offset] ?? 0)
  if (shape.isParameterSet(type)) {
    visit(type, offset, length)
    return true
  }
  if (type !== shape.aggregate) return false
  const end = offset + length
  let found = false
  let at = offset + shape.headerBytes
  while (at + 2 <= end) {
    const size = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
    at += 2
    if (size <= shape.headerBytes || size > end - at) break
    const inner = shape.typeOf(bytes[at] ?? 0)
    if (shape.isParameterSet(inner)) {
      visit(inner, at, size)
      found = true
    }
    at += size
  }
  return found
}

/**
 * The id by which pictures refer to a parameter set, to tell one that is changed from one more; 0 for H.265's, of which encoders
 * send one of each kind.
 */
export function parameterSetId(codec: 'H264' | 'H265', nalUnit: Uint8Array): number {
  if (codec === 'H265') return 0
  // Behind the header, an SPS has profile, constraints and level (RFC 6184 section 8.1); a PPS begins with its id.
  return readExpGolomb(nalUnit, h264.typeOf(nalUnit[0] ?? 0) === 7 ? 4 : 1)
}

/** ue(v) at the start of a byte (H.264 section 9.1), of at most 8 leading zeros: ids end at 255. */
function readExpGolomb(bytes: Uint8Array, at: number): number {
  const bits = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)
  const zeros = Math.clz32(bits) - 8
  return zeros > 8 ? 0 : (bits >> (23 - 2 * zeros)) - 1
}
