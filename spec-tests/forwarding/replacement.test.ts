import { describe, expect, it } from 'vitest'
import {
  audioSsrc,
  createPair,
  createPublisher,
  createViewer,
  playedAudio,
  playedVideo,
  publishedVideo,
  receive,
  receiveRtcp,
  startingSequenceNumbers,
  tagOf,
  vp8Payload,
} from './harness.ts'
import { Stream } from '../../src/media/forwarding/stream.ts'

describe('another publisher of the same stream', () => {
  it.each(startingSequenceNumbers)("goes on in the viewer's numbers and timestamps, from %i on", (start) => {
    const { publisher, stream, sink } = createPair({ seed: start })
    for (let i = 0; i < 30; i++) {
      const sequence = 60_000 + i
      receive(publisher, { sequence, timestamp: i * 3_000, payload: vp8Payload(i === 0, i) }, i * 33.333)
    }
    stream.flush(1_000)
    const before = sink.takePackets()
    publisher.close(1_000)
    stream.setPublisher(undefined, 1_000)

    const { publisher: next } = createPublisher({ seed: 9 })
    stream.setPublisher(next, 5_000)
    receive(next, { sequence: start, timestamp: 777, payload: vp8Payload(false, 100) }, 5_990)
    receive(next, { sequence: start + 1, timestamp: 3_777, payload: vp8Payload(true, 101) }, 6_000)
    receive(next, { sequence: start + 2, timestamp: 3_777, payload: vp8Payload(false, 102) }, 6_000)
    stream.flush(6_000)
    const after = sink.takePackets()
    expect(after.map(tagOf)).toEqual([101, 102])
    const last = before[before.length - 1]
    expect(after.map((packet) => packet.sequence - (last?.sequence ?? 0))).toEqual([1, 2])
    // The last packet came at 966.7 ms, this one at 6,000: 10 ms of jitter are the clock's own.
    const elapsed = ((after[0]?.timestamp ?? 0) - (last?.timestamp ?? 0)) | 0
    expect(Math.abs(elapsed - 90 * (6_000 - 966.7))).toBeLessThan(90 * 30)
    expect(after.map((packet) => packet.ssrc)).toEqual([playedVideo.ssrc, playedVideo.ssrc])
  })

  it('is not followed by late packets of the former one', () => {
    const { publisher, stream, sink, viewer } = createPair()
    receive(publisher, { sequence: 1, payload: vp8Payload(true, 1) }, 0)
    const { publisher: next } = createPublisher()
    expect(viewer.tracks[0]?.source).toBeUndefined()
    stream.setPublisher(next, 0)
    expect(viewer.tracks[0]?.source).toBeUndefined()
    // What came before the change is still forwarded.
    expect(sink.takePackets().map(tagOf)).toEqual([1])
    receive(publisher, { sequence: 2 }, 1)
    receive(next, { sequence: 500, payload: vp8Payload(true, 500) }, 2)
    expect(sink.takePackets()).toEqual([])
    stream.flush(2)
    const [packet] = sink.takePackets()
    expect(packet && tagOf(packet)).toBe(500)
    // Nor can its packets be had again: they are freed with it.
    const lost = [((packet?.sequence ?? 0) - 1) & 0xffff]
    receiveRtcp(viewer, (writer) => writer.nack(1, playedVideo.ssrc, lost, 1), 10)
    expect(sink.takePackets()).toEqual([])
  })

  it('always moves timestamps forward, even when it comes at once', () => {
    const { publisher, stream, sink } = createPair()
    receive(publisher, { sequence: 1, timestamp: 1_000, payload: vp8Payload(true, 1) }, 0)
    receive(publisher, { sequence: 2, timestamp: 90_000 }, 1)
    stream.flush(1)
    const [, last] = sink.takePackets()
    const { publisher: next } = createPublisher()
    stream.setPublisher(next, 1)
    receive(next, { sequence: 1, timestamp: 5, payload: vp8Payload(true, 1) }, 1)
    stream.flush(1)
    const [packet] = sink.takePackets()
    expect(((packet?.timestamp ?? 0) - (last?.timestamp ?? 0)) | 0).toBeGreaterThan(0)
  })

  it('with audio only leaves the video silent, and the other way round', () => {
    const { publisher, stream, sink } = createPair()
    receive(publisher, { sequence: 1, payload: vp8Payload(true, 1) }, 0)
    stream.flush(0)
    const { publisher: next } = createPublisher({ tracks: [{ ...publishedVideo, codec: 'H264' }] })
    stream.setPublisher(next, 0)
    sink.takePackets()
    // Another codec than the viewer's: nothing may be sent under its payload type.
    receive(next, { sequence: 1, payload: Uint8Array.of(0x65, 0, 0) }, 1)
    stream.flush(1)
    expect(sink.takePackets()).toEqual([])
  })
})

describe('a viewer that waits', () => {
  it('for a publisher is sent the stream when it comes', () => {
    const stream = new Stream('test')
    const { viewer, sink } = createViewer()
    stream.addViewer(viewer)
    viewer.start(0)
    const { publisher } = createPublisher()
    stream.setPublisher(publisher, 100)
    receive(publisher, { sequence: 1, payload: vp8Payload(true, 1) }, 200)
    receive(publisher, { sequence: 1, ssrc: audioSsrc, payloadType: 111 }, 200)
    stream.flush(200)
    expect(sink.takePackets().map((packet) => packet.ssrc)).toEqual([playedVideo.ssrc, playedAudio.ssrc])
  })

  it('is sent the packets of a keyframe that came before its first one', () => {
    const { publisher, stream, sink } = createPair()
    const timestamp = 9_000
    receive(publisher, { sequence: 1, timestamp: 0 }, 0)
    receive(publisher, { sequence: 3, timestamp, payload: vp8Payload(false, 3) }, 1)
    receive(publisher, { sequence: 2, timestamp, payload: vp8Payload(true, 2) }, 1)
    receive(publisher, { sequence: 4, timestamp, payload: vp8Payload(false, 4) }, 1)
    stream.flush(1)
    const packets = sink.takePackets()
    expect(packets.map(tagOf)).toEqual([2, 3, 4])
    const start = packets[0]?.sequence ?? 0
    expect(packets.map((packet) => packet.sequence - start)).toEqual([0, 1, 2])
  })

  it('is sent parameter sets that were lost in front of the keyframe when they come', () => {
    const { publisher, stream, sink } = createPair({
      published: [{ ...publishedVideo, codec: 'H264' }],
      played: [{ ...playedVideo, codec: 'H264' }],
    })
    const nal = (type: number) => Uint8Array.of(0x60 | type, 0x88, 0x80, 0x1f, 0x80)
    receive(publisher, { sequence: 1, timestamp: 0, payload: nal(1) }, 0)
    receive(publisher, { sequence: 3, timestamp: 9_000, payload: nal(8) }, 1)
    receive(publisher, { sequence: 4, timestamp: 9_000, payload: nal(5) }, 1)
    stream.flush(1)
    receive(publisher, { sequence: 2, timestamp: 9_000, payload: nal(7) }, 2)
    receive(publisher, { sequence: 0, timestamp: 0, payload: nal(1) }, 2)
    stream.flush(2)
    const packets = sink.takePackets()
    expect(packets.map(({ payload }) => (payload[0] ?? 0) & 0x1f)).toEqual([8, 5, 7])
    const last = packets[2]?.sequence ?? 0
    expect(packets.map(({ sequence }) => sequence - last)).toEqual([1, 2, 0])
  })

  it('gets no gap in front of a VP8 keyframe, whatever was lost before it', () => {
    const { publisher, stream, sink } = createPair()
    receive(publisher, { sequence: 1, payload: vp8Payload(true, 1) }, 0)
    stream.flush(0)
    const { publisher: next } = createPublisher()
    stream.setPublisher(next, 0)
    receive(next, { sequence: 5 }, 1)
    receive(next, { sequence: 9, payload: vp8Payload(true, 9) }, 1)
    stream.flush(1)
    const packets = sink.takePackets()
    expect(packets.map(tagOf)).toEqual([1, 9])
    expect((packets[1]?.sequence ?? 0) - (packets[0]?.sequence ?? 0)).toBe(1)
  })

  it('is sent a stream whose keyframes cannot be told after a bounded wait', () => {
    const { publisher, stream, sink } = createPair()
    for (let i = 0; i < 60; i++) {
      // A VP8 payload that is cut off in its descriptor tells nothing.
      receive(publisher, { sequence: i, payload: Uint8Array.of(0x90) }, i * 33)
      stream.flush(i * 33)
    }
    const { length } = sink.takePackets()
    expect(length).toBeGreaterThan(20)
    expect(length).toBeLessThan(35)
  })

  it('waits on where keyframes can be told', () => {
    const { publisher, stream, sink } = createPair()
    for (let i = 0; i < 200; i++) {
      receive(publisher, { sequence: i }, i * 33)
      stream.flush(i * 33)
    }
    expect(sink.packets).toEqual([])
  })
})
