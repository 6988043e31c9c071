import { describe, expect, it } from 'vitest'
import {
  audioSsrc,
  createPair,
  createPublisher,
  publishedVideo,
  receive,
  receiveRtcp,
  tagOf,
  testLimits,
  videoRtxSsrc,
  videoSsrc,
  vp8Payload,
} from './harness.ts'

describe('a publisher', () => {
  it('may jump in its numbers without viewers seeing a gap', () => {
    const { publisher, stream, sink } = createPair()
    receive(publisher, { sequence: 100, payload: vp8Payload(true, 0) }, 0)
    for (let i = 0; i < 3; i++) receive(publisher, { sequence: 20_000 + i }, 0)
    // Of before the jump, and of within it.
    receive(publisher, { sequence: 101 }, 0)
    receive(publisher, { sequence: 19_999 }, 0)
    stream.flush(0)
    const packets = sink.takePackets()
    expect(packets).toHaveLength(4)
    packets.forEach((packet, i) => expect(packet.sequence).toBe((packets[0]?.sequence ?? 0) + i))
    expect(publisher.statistics().dropped).toEqual({ 'too-late': 2 })
  })

  it('has sent one keyframe even where several packets tell of it', () => {
    const { publisher } = createPublisher({ tracks: [{ ...publishedVideo, codec: 'H264' }] })
    for (const [sequence, type] of [7, 8, 5, 5].entries()) {
      receive(publisher, { sequence, timestamp: 0, payload: Uint8Array.of(0x60 | type, 0x88, 0x80) }, 0)
    }
    expect(publisher.statistics().keyframes).toBe(1)
  })

  it('is forwarded rightly even from a store that is smaller than one batch', () => {
    const { publisher } = createPublisher({ limits: { ...testLimits, packetStoreBytes: 8 * 1024 } })
    const { stream, sink } = createPair()
    stream.setPublisher(publisher, 0)
    receive(publisher, { sequence: 0, payload: vp8Payload(true, 0, 1_000) }, 0)
    stream.flush(0)
    const start = sink.takePackets()[0]?.sequence ?? 0
    for (let i = 1; i < 100; i++) receive(publisher, { sequence: i, payload: vp8Payload(false, i, 1_000) }, 0)
    stream.flush(0)
    const packets = sink.takePackets()
    expect(packets.length).toBeLessThan(10)
    expect(tagOf(packets[packets.length - 1]!)).toBe(99)
    for (const packet of packets) expect(packet.sequence - start).toBe(tagOf(packet))
    expect(publisher.statistics().dropped).toEqual({ overwritten: 99 - packets.length })
  })

  it('tells of its first packet once', () => {
    const { publisher } = createPublisher()
    let told = 0
    publisher.onFirstPacket = () => told++
    receive(publisher, { sequence: 1, ssrc: 12_345, payloadType: 5 }, 0)
    expect(told).toBe(0)
    receive(publisher, { sequence: 1 }, 0)
    receive(publisher, { sequence: 2 }, 0)
    expect(told).toBe(1)
  })

  it('has gone when it has said goodbye for all that it sent', () => {
    const { publisher } = createPublisher()
    let told = 0
    publisher.onBye = () => told++
    receive(publisher, { sequence: 1 }, 0)
    receive(publisher, { sequence: 1, ssrc: audioSsrc, payloadType: 111 }, 0)
    receiveRtcp(publisher, (writer) => writer.bye(videoSsrc), 1)
    receiveRtcp(publisher, (writer) => writer.bye(4_711), 1)
    expect(told).toBe(0)
    receiveRtcp(publisher, (writer) => writer.bye(audioSsrc), 2)
    expect(told).toBe(1)
  })

  it('unwraps RTX: original number, type and marker, and forwards it in its place', () => {
    const { publisher, stream, sink } = createPair()
    receive(publisher, { sequence: 0x1_fffe, payload: vp8Payload(true, 0) }, 0)
    receive(publisher, { sequence: 0x2_0001, timestamp: 6_000 }, 0)
    const payload = Uint8Array.of(0, 0, ...vp8Payload(false, 77))
    const rtx = { ssrc: videoRtxSsrc, payloadType: 97, payload, timestamp: 3_000, marker: true }
    receive(publisher, { sequence: 5, ...rtx }, 0)
    stream.flush(0)
    const [first, second, repaired] = sink.takePackets()
    const start = first?.sequence ?? 0
    expect([second?.sequence, repaired?.sequence]).toEqual([start + 3, start + 2])
    expect(repaired).toMatchObject({ marker: true, payloadType: 120 })
    expect(repaired?.payload).toEqual(vp8Payload(false, 77))
    expect(tagOf(repaired!)).toBe(77)
  })

  it('drops each under its reason', () => {
    const { publisher } = createPublisher()
    const rtx = { ssrc: videoRtxSsrc, payloadType: 97 }
    receive(publisher, { sequence: 1, ...rtx, payload: new Uint8Array(10) }, 0)
    receive(publisher, { sequence: 5_000 }, 0)
    receive(publisher, { sequence: 5_000 }, 0)
    receive(publisher, { sequence: 5_001, payload: new Uint8Array(1_600) }, 0)
    receive(publisher, { sequence: 5_002, payload: new Uint8Array(0), paddingBytes: 255 }, 0)
    receive(publisher, { sequence: 2, ...rtx, payload: new Uint8Array(0), paddingBytes: 255 }, 0)
    receive(publisher, { sequence: 100 }, 0)
    // One byte of payload that says that 7 bytes are padding.
    receive(publisher, { sequence: 5_003, payload: new Uint8Array(0), paddingBytes: 1, damagedPadding: 7 }, 0)
    receiveRtcp(
      publisher,
      (writer) => {
        writer.bye(1)
        writer.bytes[2] = 0xff
      },
      0,
    )
    expect(publisher.statistics().dropped).toEqual({
      'premature-rtx': 1,
      duplicate: 1,
      'damaged-padding': 1,
      oversize: 1,
      'padding-only': 2,
      'too-late': 1,
      'malformed-rtcp': 1,
    })
  })

  it('drops what does not fit the pool, and goes on when it does again', () => {
    const { publisher, pool, stream, sink } = createPair()
    pool.maxBytes = 0
    receive(publisher, { sequence: 1, payload: vp8Payload(true, 1) }, 0)
    expect(publisher.statistics().dropped).toEqual({ 'no-memory': 1 })
    pool.maxBytes = Infinity
    receive(publisher, { sequence: 2, payload: vp8Payload(true, 2) }, 0)
    stream.flush(0)
    expect(sink.takePackets().map(tagOf)).toEqual([2])
  })

  it('counts what it received', () => {
    const { publisher } = createPublisher()
    for (const sequence of [1, 2, 4]) receive(publisher, { sequence }, 0)
    expect(publisher.statistics()).toMatchObject({
      packetsReceived: 3,
      bytesReceived: 3 * 52,
      packetsLost: 1,
      packetsSent: 0,
      nacksReceived: 0,
    })
  })
})
