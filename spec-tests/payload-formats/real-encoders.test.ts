import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { CodecName } from '../../src/media/rtp/codecs.ts'
import { detectKeyframe, type KeyframeVerdict } from '../../src/media/rtp/payload/keyframe.ts'
import { createRtpHeader, parseRtpHeader } from '../../src/media/rtp/rtp-header.ts'

/** Made by scripts/make-keyframe-samples.mjs: 12 frames each, a keyframe at 0, 5 and 10. */
const samples: [name: string, codec: CodecName][] = [
  ['h264', 'H264'],
  ['h264-slices', 'H264'],
  ['h265', 'H265'],
  ['vp8', 'VP8'],
  ['vp9', 'VP9'],
  ['av1', 'AV1'],
]
const keyframes = [0, 5, 10]

/** What is said of each packet, frame by frame; `change` may alter a payload before. */
function verdicts(
  name: string,
  codec: CodecName,
  change?: (payload: Uint8Array) => void,
): KeyframeVerdict[][] {
  const file = readFileSync(new URL(`samples/${name}.rtp`, import.meta.url))
  const bytes = Uint8Array.from(file)
  const view = new DataView(bytes.buffer)
  const header = createRtpHeader()
  const frames = new Map<number, KeyframeVerdict[]>()
  for (let at = 0; at < bytes.length;) {
    const length = view.getUint16(at)
    expect(parseRtpHeader(bytes, view, at + 2, length, header)).toBe(true)
    const { payloadOffset, payloadLength, timestamp } = header
    change?.(bytes.subarray(payloadOffset, payloadOffset + payloadLength))
    const frame = frames.get(timestamp) ?? []
    frame.push(detectKeyframe(codec, bytes, payloadOffset, payloadLength))
    frames.set(timestamp, frame)
    at += 2 + length
  }
  return [...frames.values()]
}

function framesWithStart(frames: KeyframeVerdict[][]): number[] {
  return frames.flatMap((frame, i) => (frame.includes('yes') ? [i] : []))
}

describe.each(samples)('%s as encoders send it', (name, codec) => {
  const frames = verdicts(name, codec)

  it('has keyframes where the encoder made them', () => {
    expect(frames).toHaveLength(12)
    expect(framesWithStart(frames)).toEqual(keyframes)
  })

  it('starts each keyframe with its first packet', () => {
    for (const i of keyframes) expect(frames[i]?.[0]).toBe('yes')
  })

  it('has keyframes of several packets, of which not all are starts', () => {
    for (const i of keyframes) {
      expect(frames[i]?.length).toBeGreaterThan(1)
      expect(frames[i]?.at(-1)).toBe('no')
    }
  })

  it('is of no unknown kind', () => {
    expect(frames.flat()).not.toContain('unknown')
  })
})

describe('AV1 from senders that forget the N bit', () => {
  it('starts keyframes at the sequence header', () => {
    const withoutN = verdicts('av1', 'AV1', (payload) => {
      payload[0] = (payload[0] ?? 0) & ~0x08
    })
    expect(framesWithStart(withoutN)).toEqual(keyframes)
  })
})
