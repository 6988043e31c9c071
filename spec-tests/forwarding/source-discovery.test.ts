import { describe, expect, it } from 'vitest'
import type { PublishedTrack } from '../../src/media/contract.ts'
import {
  audioSsrc,
  createPair,
  createPublisher,
  playedVideo,
  publishedAudio,
  publishedVideo,
  receive,
  tagOf,
  testLimits,
  videoSsrc,
  vp8Payload,
} from './harness.ts'

const text = (value: string) => new TextEncoder().encode(value)
const withoutSsrcs: PublishedTrack = { ...publishedVideo, encodings: [{}] }
const simulcast: PublishedTrack = {
  ...publishedVideo,
  encodings: [{ rid: 'h' }, { rid: 'l' }],
}
const keyframe = (tag: number) => vp8Payload(true, tag)

function forwardedTags(track: PublishedTrack, packets: Parameters<typeof receive>[1][]): number[] {
  const { publisher, stream, sink } = createPair({ published: [track, publishedAudio] })
  packets.forEach((packet, i) => {
    receive(publisher, packet, i)
    stream.flush(i)
  })
  return sink
    .takePackets()
    .filter((packet) => packet.ssrc === playedVideo.ssrc)
    .map(tagOf)
}

describe('which source a packet belongs to', () => {
  it('is told by the SSRC in the SDP', () => {
    const track = { ...publishedVideo, extensions: {} }
    expect(forwardedTags(track, [{ sequence: 1, payload: keyframe(1) }])).toEqual([1])
  })

  it('is told by the payload type where the SDP has no SSRC and the packet no MID', () => {
    expect(forwardedTags(withoutSsrcs, [{ sequence: 1, ssrc: 77, payload: keyframe(1) }])).toEqual([1])
  })

  it('is told by the MID among m-sections with the same payload type', () => {
    const other = { ...withoutSsrcs, mid: 'other' }
    const { publisher } = createPublisher({ tracks: [withoutSsrcs, other] })
    receive(publisher, { sequence: 1, ssrc: 5 }, 0)
    expect(publisher.statistics().dropped).toEqual({ 'unknown-ssrc': 1 })
    receive(publisher, { sequence: 2, ssrc: 5, extensions: { 1: text('other') } }, 0)
    expect(publisher.sources.map((source) => source.hasPackets)).toEqual([false, true])
    // Once learned, the MID is not needed.
    receive(publisher, { sequence: 3, ssrc: 5 }, 0)
    expect(publisher.sources[1]?.ssrc).toBe(5)
    expect(publisher.statistics().dropped).toEqual({ 'unknown-ssrc': 1 })
  })

  it('is not told by the MID of another m-section', () => {
    const { publisher } = createPublisher({ tracks: [withoutSsrcs] })
    receive(publisher, { sequence: 1, ssrc: 5, extensions: { 1: text('zzz') } }, 0)
    expect(publisher.statistics().dropped).toEqual({ 'unknown-ssrc': 1 })
  })

  it('is told by the RID among the encodings of one m-section', () => {
    const { publisher } = createPublisher({ tracks: [simulcast] })
    receive(publisher, { sequence: 1, ssrc: 5, extensions: { 1: text('0') } }, 0)
    receive(publisher, { sequence: 1, ssrc: 6, extensions: { 1: text('0'), 2: text('l') } }, 0)
    receive(publisher, { sequence: 1, ssrc: 7, extensions: { 2: text('h') } }, 0)
    expect(publisher.sources.map((source) => source.ssrc)).toEqual([7, 6])
    expect(publisher.statistics().dropped).toEqual({ 'unknown-ssrc': 1 })
  })

  it('is told for RTX by the payload type of a single encoding', () => {
    const rtx = { payloadType: 97, payload: Uint8Array.of(0, 2, ...vp8Payload(false, 2)) }
    const tags = forwardedTags(withoutSsrcs, [
      { sequence: 1, ssrc: 77, payload: keyframe(1) },
      { sequence: 3, ssrc: 77 },
      { sequence: 900, ssrc: 78, ...rtx },
    ])
    expect(tags).toEqual([1, 3, 2])
  })

  it('is told for RTX by the repaired RID among several', () => {
    const { publisher } = createPublisher({ tracks: [simulcast] })
    const rtx = { payloadType: 97, payload: Uint8Array.of(0, 1, ...vp8Payload(false, 2)) }
    receive(publisher, { sequence: 1, ssrc: 6, extensions: { 2: text('l') } }, 0)
    receive(publisher, { sequence: 3, ssrc: 6 }, 0)
    receive(publisher, { sequence: 900, ssrc: 8, ...rtx }, 0)
    expect(publisher.statistics().dropped).toEqual({ 'unknown-ssrc': 1 })
    receive(publisher, { sequence: 901, ssrc: 8, ...rtx, extensions: { 3: text('l') } }, 0)
    receive(publisher, { sequence: 902, ssrc: 8, ...rtx }, 0)
    expect(publisher.statistics().dropped).toEqual({ 'unknown-ssrc': 1, duplicate: 2 })
  })

  it('has to have the payload type that was negotiated for it', () => {
    const { publisher } = createPublisher()
    receive(publisher, { sequence: 1, payloadType: 100 }, 0)
    expect(publisher.statistics().dropped).toEqual({ 'unexpected-payload-type': 1 })
  })

  it('changes to a new SSRC of the same encoding, but not back', () => {
    const tags = forwardedTags(publishedVideo, [
      { sequence: 1, payload: keyframe(1) },
      { sequence: 2 },
      { sequence: 40_000, ssrc: 5, payload: keyframe(40_000) },
      { sequence: 3, payload: keyframe(3) },
      { sequence: 40_001, ssrc: 5 },
    ])
    expect(tags).toEqual([1, 2, 40_000, 40_001])
  })

  it('is none for an SSRC that was replaced', () => {
    const { publisher } = createPublisher()
    receive(publisher, { sequence: 1 }, 0)
    receive(publisher, { sequence: 1, ssrc: 5 }, 0)
    receive(publisher, { sequence: 2 }, 0)
    expect(publisher.statistics().dropped).toEqual({ 'retired-ssrc': 1 })
  })

  it('keeps a bounded number of SSRCs', () => {
    const { publisher, pool } = createPublisher({ limits: { ...testLimits, maxSsrcs: 8 } })
    for (let i = 0; i < 200; i++)
      receive(publisher, { sequence: 1, ssrc: 10_000 + i, payload: keyframe(i) }, i)
    // The last one is in use, its predecessors are forgotten and their memory is returned.
    expect(publisher.sources[0]?.ssrc).toBe(10_199)
    expect(pool.lent.size).toBe(1)
    const silent = createPublisher({ limits: { ...testLimits, maxSsrcs: 2 } })
    receive(silent.publisher, { sequence: 1, ssrc: audioSsrc, payloadType: 111 }, 0)
    expect(silent.publisher.sources[1]?.hasPackets).toBe(false)
    expect(silent.publisher.statistics().dropped).toEqual({ 'unknown-ssrc': 1 })
    receive(silent.publisher, { sequence: 1, ssrc: videoSsrc }, 0)
    expect(silent.publisher.sources[0]?.hasPackets).toBe(true)
  })
})
