import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRtpHeader, parseRtpHeader } from '../../src/media/rtp/rtp-header.ts'
import type { ExtendedSequenceNumber } from '../../src/media/rtp/sequence-number.ts'
import {
  audioSsrc,
  createPair,
  playedVideo,
  publishedVideo,
  receiveRtcp,
  videoRtxSsrc,
  videoSsrc,
  withoutRtx,
} from './harness.ts'

const codecs = ['H264', 'H265', 'VP8', 'VP9', 'AV1'] as const

/** How keyframes start in H.264, H.265, VP8, VP9 and AV1. */
const keyframeStarts = [
  [0x65, 0x88, 0x80, 0x00],
  [0x26, 0x01, 0x80, 0x00],
  [0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a],
  [0x08, 0x82, 0x49, 0x83],
  [0x18, 0x0a, 0x01, 0x00],
].map((bytes) => Uint8Array.from(bytes))

/** RTP headers that get past the demultiplexer, with anything behind them. */
const packet = fc.record({
  first: fc.constantFrom(0x80, 0x80, 0x80, 0x90, 0xa0, 0xb0, 0x81, 0x9f),
  second: fc.constantFrom(96, 96, 97, 111, 96 | 0x80, 5),
  step: fc.oneof(fc.constant(1), fc.integer({ min: -700, max: 700 }), fc.integer({ min: 0, max: 90_000 })),
  timestamp: fc.oneof(fc.nat(100), fc.nat(0xffff_ffff)),
  ssrc: fc.constantFrom(videoSsrc, videoSsrc, videoSsrc, videoRtxSsrc, audioSsrc, 0, 5),
  rest: fc.oneof(fc.uint8Array({ maxLength: 120 }), fc.constantFrom(...keyframeStarts)),
  waitMs: fc.oneof(fc.constant(0), fc.nat(50), fc.nat(5_000)),
})

/** RTCP types that are read, with anything behind them. */
const rtcp = fc.record({
  first: fc.nat(31),
  type: fc.integer({ min: 200, max: 207 }),
  ssrc: fc.constantFrom(videoSsrc, playedVideo.ssrc, 0),
  rest: fc.uint8Array({ maxLength: 100 }),
})

describe('forwarding, of whatever bytes', () => {
  it('neither throws nor sends anything malformed, nor keeps memory', () => {
    fc.assert(
      fc.property(
        fc.array(packet, { minLength: 10, maxLength: 80, size: 'max' }),
        fc.array(rtcp, { maxLength: 30 }),
        fc.constantFrom(...codecs),
        fc.boolean(),
        (packets, reports, codec, hasRtx) => {
          const track = { ...(hasRtx ? playedVideo : withoutRtx(playedVideo)), codec }
          const pair = createPair({ published: [{ ...publishedVideo, codec }], played: [track] })
          const { publisher, stream, viewer, pool, sink } = pair
          const bytes = new Uint8Array(1_000)
          const memory = { bytes, view: new DataView(bytes.buffer) }
          const header = createRtpHeader()
          let nowMs = 0
          let sequence = 30_000
          packets.forEach(({ first, second, step, timestamp, ssrc, rest, waitMs }, i) => {
            nowMs += waitMs
            sequence = Math.max(0, sequence + step)
            bytes.set([first, second])
            memory.view.setUint16(2, sequence & 0xffff)
            memory.view.setUint32(4, timestamp)
            memory.view.setUint32(8, ssrc)
            bytes.set(rest, 12)
            if (parseRtpHeader(bytes, memory.view, 0, 12 + rest.length, header)) {
              publisher.receiveRtp(memory, header, sequence as ExtendedSequenceNumber, nowMs)
            }
            const report = reports[i % (reports.length + 1)]
            if (report !== undefined) {
              for (const peer of [publisher, viewer]) {
                const content = report.rest.length & ~3
                receiveRtcp(
                  peer,
                  (writer) => {
                    writer.bytes.set([0x80 | report.first, report.type, 0, 1 + (content >> 2)])
                    writer.view.setUint32(4, report.ssrc)
                    writer.bytes.set(report.rest.subarray(0, content), 8)
                    writer.length = 8 + content
                  },
                  nowMs,
                )
              }
            }
            if (i % 3 === 0) stream.flush(nowMs)
            const lost = sink.packets[i % (sink.packets.length + 1)]
            if (lost !== undefined && i % 4 === 0) {
              const numbers = [lost.sequence & 0xffff, (lost.sequence + 2) & 0xffff]
              receiveRtcp(viewer, (writer) => writer.nack(1, playedVideo.ssrc, numbers, 2), nowMs)
            }
            if (publisher.nextTimeoutMs() <= nowMs) publisher.handleTimeout(nowMs)
            if (viewer.nextTimeoutMs() <= nowMs) viewer.handleTimeout(nowMs)
            // What is due must be done by that: a thread's timer would spin otherwise.
            expect(publisher.nextTimeoutMs()).toBeGreaterThan(nowMs)
            expect(viewer.nextTimeoutMs()).toBeGreaterThan(nowMs)
          })
          // Decodes all of it.
          sink.take()
          pair.rtcp.take()
          viewer.close(nowMs)
          publisher.close(nowMs)
          stream.removeViewer(viewer)
          stream.setPublisher(undefined, nowMs)
          expect(pool.lent.size).toBe(0)
        },
      ),
      { numRuns: 400, seed: 11 },
    )
  })
})
