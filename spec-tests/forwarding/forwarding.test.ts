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
  withoutRtx,
} from './harness.ts'

describe('forwarding from a publisher to a viewer', () => {
  it.each(startingSequenceNumbers)('keeps order, payload, marker and distances from %i on', (start) => {
    const { publisher, stream, sink } = createPair({ seed: start })
    for (let i = 0; i < 100; i++) {
      const isKeyframe = i === 0
      const options = { timestamp: (0xffff_f000 + i * 3000) >>> 0, marker: i % 3 === 2 }
      receive(publisher, { ...options, sequence: start + i, payload: vp8Payload(isKeyframe, i) }, i)
      if (i % 7 === 0) stream.flush(i)
    }
    stream.flush(100)
    const packets = sink.takePackets()
    expect(packets.map(tagOf)).toEqual(Array.from({ length: 100 }, (_, i) => i))
    const [first] = packets
    packets.forEach((packet, i) => {
      expect(packet.ssrc).toBe(playedVideo.ssrc)
      expect(packet.payloadType).toBe(120)
      expect(packet.sequence).toBe((first?.sequence ?? 0) + i)
      expect((packet.timestamp - (first?.timestamp ?? 0)) >>> 0).toBe(i * 3000)
      expect(packet.marker).toBe(i % 3 === 2)
      expect(packet.payload).toEqual(vp8Payload(i === 0, i))
    })
    // RFC 3711 section 3.3.1: a receiver must not guess the first roll-over wrong.
    expect(first?.sequence).toBeLessThanOrEqual(0x8000)
  })

  it('starts video with a keyframe and audio at once', () => {
    const { publisher, stream, sink } = createPair()
    receive(publisher, { sequence: 10 }, 0)
    receive(publisher, { sequence: 20, ssrc: audioSsrc, payloadType: 111, payload: new Uint8Array(20) }, 0)
    receive(publisher, { sequence: 11, payload: vp8Payload(true, 11) }, 0)
    receive(publisher, { sequence: 12 }, 0)
    stream.flush(0)
    const packets = sink.takePackets()
    expect(packets.map((packet) => packet.ssrc)).toEqual([
      playedAudio.ssrc,
      playedVideo.ssrc,
      playedVideo.ssrc,
    ])
    expect(packets.slice(1).map(tagOf)).toEqual([11, 12])
  })

  it('sends nothing before the viewer is connected', () => {
    const { publisher, stream } = createPair()
    const { viewer, sink } = createViewer()
    stream.addViewer(viewer)
    receive(publisher, { sequence: 1, payload: vp8Payload(true, 1) }, 0)
    stream.flush(0)
    expect(sink.packets).toHaveLength(0)
    viewer.start(1)
    receive(publisher, { sequence: 2 }, 2)
    receive(publisher, { sequence: 3, payload: vp8Payload(true, 3) }, 2)
    stream.flush(2)
    expect(sink.takePackets().map(tagOf)).toEqual([3])
  })

  it('gives each viewer all of its packets, in order of arrival', () => {
    const { publisher, stream, sink } = createPair()
    const others = [3, 4, 5].map((seed) => createViewer({ seed }))
    for (const { viewer } of others) {
      stream.addViewer(viewer)
      viewer.start(0)
    }
    receive(publisher, { sequence: 1, payload: vp8Payload(true, 1) }, 0)
    receive(publisher, { sequence: 3 }, 0)
    receive(publisher, { sequence: 2 }, 0)
    stream.flush(0)
    for (const each of [sink, ...others.map((other) => other.sink)]) {
      expect(each.packets.map(tagOf)).toEqual([1, 3, 2])
      const first = each.packets[0]?.sequence ?? 0
      expect(each.packets.map((packet) => packet.sequence - first)).toEqual([0, 2, 1])
    }
  })

  it('stays with the viewers that are left when others leave', () => {
    const { publisher, stream, sink, viewer } = createPair()
    const [a, b, c] = [3, 4, 5].map((seed) => createViewer({ seed }))
    for (const each of [a!, b!, c!]) {
      stream.addViewer(each.viewer)
      each.viewer.start(0)
    }
    let sequence = 0
    const reached = () => {
      receive(publisher, { sequence, payload: vp8Payload(true, sequence++) }, 0)
      stream.flush(0)
      return [sink, a!.sink, b!.sink, c!.sink].map((each) => each.takePackets().length)
    }
    expect(reached()).toEqual([1, 1, 1, 1])
    stream.removeViewer(a!.viewer)
    expect(reached()).toEqual([1, 0, 1, 1])
    stream.removeViewer(c!.viewer)
    stream.removeViewer(c!.viewer)
    expect(reached()).toEqual([1, 0, 1, 0])
    stream.removeViewer(viewer)
    expect(reached()).toEqual([0, 0, 1, 0])
    expect(stream.isEmpty).toBe(false)
    stream.removeViewer(b!.viewer)
    stream.setPublisher(undefined, 0)
    expect(stream.isEmpty).toBe(true)
  })

  it('feeds two tracks of one codec from two sources', () => {
    const other = { ...publishedVideo, mid: '5', payloadType: 99, encodings: [{ ssrc: 500 }] }
    const second = { ...withoutRtx(playedVideo), mid: 'w', payloadType: 50, ssrc: 600 }
    const { publisher, stream, sink } = createPair({
      published: [publishedVideo, other],
      played: [playedVideo, second],
    })
    receive(publisher, { sequence: 1, payload: vp8Payload(true, 1) }, 0)
    receive(publisher, { sequence: 2, ssrc: 500, payloadType: 99, payload: vp8Payload(true, 2) }, 0)
    stream.flush(0)
    expect(sink.takePackets().map((packet) => [tagOf(packet), packet.ssrc])).toEqual([
      [1, playedVideo.ssrc],
      [2, 600],
    ])
  })

  it('forwards what comes in one batch, however large', () => {
    const { publisher, stream, sink } = createPair()
    receive(publisher, { sequence: 0, payload: vp8Payload(true, 0) }, 0)
    for (let i = 1; i < 2_000; i++) receive(publisher, { sequence: i }, 0)
    stream.flush(0)
    expect(sink.packets.map(tagOf)).toEqual(Array.from({ length: 2_000 }, (_, i) => i))
  })

  it('carries the packets of a full send buffer as loss, which a NACK repairs', () => {
    const { publisher, stream, sink, viewer } = createPair()
    receive(publisher, { sequence: 1, payload: vp8Payload(true, 1) }, 0)
    stream.flush(0)
    sink.isFull = true
    receive(publisher, { sequence: 2 }, 0)
    stream.flush(0)
    sink.isFull = false
    receive(publisher, { sequence: 3 }, 0)
    stream.flush(0)
    const [first, second] = sink.takePackets()
    expect((second?.sequence ?? 0) - (first?.sequence ?? 0)).toBe(2)
    expect(viewer.statistics().dropped).toEqual({ 'send-buffer-full': 1 })
    receiveRtcp(viewer, (writer) => writer.nack(1, playedVideo.ssrc, [(first?.sequence ?? 0) + 1], 1), 10)
    expect(sink.takePackets().map(tagOf)).toEqual([2])
  })

  it('returns all memory when the publisher is closed', () => {
    const { publisher, stream, pool, sink } = createPair()
    for (let i = 0; i < 3_000; i++) {
      receive(publisher, { sequence: i, payload: vp8Payload(i % 50 === 0, i, 1_000) }, i)
      stream.flush(i)
    }
    expect(pool.bytes).toBeGreaterThan(0)
    expect(pool.bytes).toBeLessThanOrEqual(1024 * 1024 + 16 * 1024)
    publisher.close(3_000)
    expect(pool.bytes).toBe(0)
    stream.setPublisher(undefined, 3_000)
    const { publisher: next } = createPublisher({ pool })
    stream.setPublisher(next, 3_001)
    sink.takePackets()
    receive(next, { sequence: 7, payload: vp8Payload(true, 7) }, 3_002)
    stream.flush(3_002)
    expect(sink.takePackets().map(tagOf)).toEqual([7])
  })
})
