/** Asks any codec's payload whether a keyframe starts with it. */
import type { CodecName } from '../codecs.ts'
import { detectAv1Keyframe } from './av1.ts'
import { detectH264Keyframe } from './h264.ts'
import { detectH265Keyframe } from './h265.ts'
import type { KeyframeVerdict } from './keyframe-verdict.ts'
import { detectVp8Keyframe } from './vp8.ts'
import { detectVp9Keyframe } from './vp9.ts'

export type { KeyframeVerdict } from './keyframe-verdict.ts'

/**
 * 'yes' on the packet with which a keyframe starts, for the (decrypted, unpadded) payload of `length` bytes
 * at `offset`. H.264 and H.265 may answer 'yes' to several packets of one timestamp: the first of them is the
 * start. Audio has no keyframes: 'unknown'.
 */
export function detectKeyframe(
  codec: CodecName,
  bytes: Uint8Array,
  offset: number,
  length: number,
): KeyframeVerdict {
  if (offset < 0 || length > bytes.length - offset) return 'unknown'
  switch (codec) {
    case 'H264':
      return detectH264Keyframe(bytes, offset, length)
    case 'H265':
      return detectH265Keyframe(bytes, offset, length)
    case 'VP8':
      return detectVp8Keyframe(bytes, offset, length)
    case 'VP9':
      return detectVp9Keyframe(bytes, offset, length)
    case 'AV1':
      return detectAv1Keyframe(bytes, offset, length)
    case 'opus':
    case 'multiopus':
    case 'PCMU':
    case 'PCMA':
    case 'G722':
      return 'unknown'
  }
}
