import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { CodecName } from '../../src/media/rtp/codecs.ts'
import { createRtpHeader, parseRtpHeader } from '../../src/media/rtp/rtp-header.ts'
import { createPair, createViewer, playedVideo, publishedVideo, receive, testLimits } from './harness.ts'

/** Made by scripts/make-keyframe-samples.mjs: 12 frames each, a keyframe at 0, 5 and 10. */
const samples: [name: string, codec: CodecName][] = [
  ['h264', 'H264'],
  ['h264-slices', 'H264'],
  ['h265', 'H265'],
  ['vp8', 'VP8'],
  ['vp9', 'VP9'],
  ['av1', 'AV1'],
]

/** Payloads of each frame. */
function readFrames(name: string): Uint8Array[][] {
  const file = readFileSync(new URL(`../payload-formats/samples/${name}.rtp`, import.meta.url))
  const bytes = Uint8Array.from(file)
  const view = new DataView(bytes.buffer)
  const header = createRtpHeader()
  const frames = new Map<number, Uint8Array[]>()
  for (let at = 0; at < bytes.length;) {
    const length = view.getUint16(at)
    if (!parseRtpHeader(bytes, view, at + 2, length, header)) throw new Error('the sample is damaged')
    const frame = frames.get(header.timestamp) ?? []
    frame.push(bytes.slice(header.payloadOffset, header.payloadOffset + header.payloadLength))
    frames.set(header.timestamp, frame)
    at += 2 + length
  }
  return [...frames.values()]
}

describe.each(samples)('instant start with %s as encoders send it', (name, codec) => {
  const frames = readFrames(name)

  it.each([
    [4, 0],
    [5, 5],
    [9, 5],
    [11, 10],
  ])('after frame %i begins with the whole of frame %i, and goes on to the last', (joinAfter, first) => {
    const limits = { ...testLimits, instantStart: true }
    const published = { ...publishedVideo, codec }
    const { stream, publisher } = createPair({
      published: [published],
      played: [{ ...playedVideo, codec }],
      limits,
    })
    let sequence = 65_530
    let nowMs = 0
    const send = (from: number, to: number) => {
      for (const [i, frame] of frames.slice(from, to).entries()) {
        nowMs += 33
        for (const payload of frame) {
          receive(publisher, { sequence: sequence++, timestamp: (from + i) * 3_000, payload }, nowMs)
        }
        stream.flush(nowMs)
      }
    }
    send(0, joinAfter + 1)
    const { viewer, sink } = createViewer({ tracks: [{ ...playedVideo, codec }], limits, nowMs })
    stream.addViewer(viewer, nowMs)
    viewer.start(nowMs)
    for (let i = 0; i < 100; i++) viewer.handleTimeout((nowMs += 5))
    send(joinAfter + 1, frames.length)
    expect(sink.packets.map(({ payload }) => payload)).toEqual(frames.slice(first).flat())
  })
})
