import { describe, expect, it } from 'vitest'
import { absoluteSendTimeOfMs } from '../../src/media/rtp/header-extension-values.ts'
import {
  audioSsrc,
  createPair,
  playedAudio,
  playedVideo,
  publishedVideo,
  receive,
  receiveRtcp,
  vp8Payload,
  type SentPacket,
} from './harness.ts'

const key = (tag: number) => vp8Payload(true, tag)
const transportSequence = (packet: SentPacket | undefined) => {
  const value = packet?.extensions.get(8)
  return value === undefined ? -1 : ((value[0] ?? 0) << 8) | (value[1] ?? 0)
}

describe('header extensions for a viewer', () => {
  it("are copied by value under the viewer's own ids, those that it negotiated", () => {
    const { publisher, stream, sink } = createPair()
    const extensions = { 5: Uint8Array.of(3), 6: Uint8Array.of(1, 2, 3), 2: Uint8Array.of(0x68) }
    receive(publisher, { sequence: 1, payload: key(1), extensions }, 0)
    receive(
      publisher,
      { sequence: 1, ssrc: audioSsrc, payloadType: 111, extensions: { 7: Uint8Array.of(0x85) } },
      0,
    )
    stream.flush(0)
    const [video, audio] = sink.takePackets()
    // Orientation has id 3 there; playout delay was not negotiated, and a RID means nothing to a viewer.
    expect(video?.extensions.get(3)).toEqual(Uint8Array.of(3))
    expect([...(video?.extensions.keys() ?? [])].sort()).toEqual([3, 7, 8, 9])
    expect(audio?.extensions.get(2)).toEqual(Uint8Array.of(0x85))
    expect(video?.form).toBe(0xbede)
  })

  it('number the packets of all tracks by one transport-wide counter, across its wrap', () => {
    const { publisher, stream, sink } = createPair()
    receive(publisher, { sequence: 0, payload: key(0) }, 0)
    for (let i = 1; i < 70_000; i++) {
      const isAudio = i % 3 === 0
      receive(publisher, isAudio ? { sequence: i, ssrc: audioSsrc, payloadType: 111 } : { sequence: i }, i)
      if (i % 100 === 0) stream.flush(i)
    }
    stream.flush(70_000)
    const numbers = sink.packets.map(transportSequence)
    expect(numbers).toHaveLength(70_000)
    for (let i = 1; i < numbers.length; i++) {
      if (((numbers[i] ?? 0) - (numbers[i - 1] ?? 0)) % 0x10000 !== 1 && numbers[i] !== 0) {
        expect(numbers[i]).toBe(((numbers[i - 1] ?? 0) + 1) & 0xffff)
      }
    }
  })

  it('carry the time of sending', () => {
    const { publisher, stream, sink } = createPair()
    receive(publisher, { sequence: 1, payload: key(1) }, 12_345)
    stream.flush(12_345.5)
    const value = sink.takePackets()[0]?.extensions.get(7) ?? new Uint8Array(3)
    expect(((value[0] ?? 0) << 16) | ((value[1] ?? 0) << 8) | (value[2] ?? 0)).toBe(
      absoluteSendTimeOfMs(12_345.5),
    )
  })

  it("carry the viewer's MID until a report shows that the track is heard", () => {
    const { publisher, stream, sink, viewer } = createPair()
    const midOf = (packet: SentPacket | undefined) => new TextDecoder().decode(packet?.extensions.get(9))
    receive(publisher, { sequence: 1, payload: key(1) }, 0)
    receive(publisher, { sequence: 1, ssrc: audioSsrc, payloadType: 111 }, 0)
    stream.flush(0)
    expect(sink.takePackets().map(midOf)).toEqual(['v', 'a'])
    receiveRtcp(
      viewer,
      (writer) => {
        writer.beginReceiverReport(1)
        writer.reportBlock(playedVideo.ssrc, 0, 0, 1, 0, 0, 0)
      },
      10,
    )
    receive(publisher, { sequence: 2 }, 20)
    receive(publisher, { sequence: 2, ssrc: audioSsrc, payloadType: 111 }, 20)
    stream.flush(20)
    expect(sink.takePackets().map(midOf)).toEqual(['', 'a'])
  })

  it('are absent where the viewer negotiated none', () => {
    const { publisher, stream, sink } = createPair({ played: [{ ...playedVideo, extensions: {} }] })
    receive(publisher, { sequence: 1, payload: key(1), extensions: { 5: Uint8Array.of(3) } }, 0)
    stream.flush(0)
    expect(sink.takePackets()[0]).toMatchObject({ form: 0, headerLength: 12 })
  })

  it('keep to the one-byte form for a viewer that is sent none of the long values', () => {
    const published = {
      ...publishedVideo,
      extensions: { ...publishedVideo.extensions, dependencyDescriptor: 12 },
    }
    const { publisher, stream, sink } = createPair({ published: [published] })
    const extensions = { 12: new Uint8Array(90), 5: Uint8Array.of(1) }
    receive(publisher, { sequence: 1, payload: key(1), extensions }, 0)
    stream.flush(0)
    const [packet] = sink.takePackets()
    expect(packet?.form).toBe(0xbede)
    expect(packet?.extensions.get(3)).toEqual(Uint8Array.of(1))
  })

  it('take the two-byte form for an id above 14 or a value of more than 16 bytes', () => {
    const extensions = { ...playedVideo.extensions, dependencyDescriptor: 10 }
    const published = {
      ...publishedVideo,
      extensions: { ...publishedVideo.extensions, dependencyDescriptor: 12 },
    }
    const { publisher, stream, sink } = createPair({
      published: [published],
      played: [{ ...playedVideo, extensions }],
    })
    const descriptor = new Uint8Array(90).map((_, i) => i)
    receive(
      publisher,
      { sequence: 1, payload: key(1), extensions: { 12: descriptor, 5: Uint8Array.of(1) } },
      0,
    )
    receive(publisher, { sequence: 2, extensions: { 12: descriptor.slice(0, 4) } }, 0)
    stream.flush(0)
    const [long, short] = sink.takePackets()
    expect(long?.form).toBe(0x1000)
    expect(long?.extensions.get(10)).toEqual(descriptor)
    expect(long?.extensions.get(3)).toEqual(Uint8Array.of(1))
    expect(short?.form).toBe(0xbede)

    const high = createPair({ played: [{ ...playedVideo, extensions: { mid: 20 } }] })
    receive(high.publisher, { sequence: 1, payload: key(1) }, 0)
    high.stream.flush(0)
    expect(high.sink.takePackets()[0]?.form).toBe(0x1000)
  })

  it('of more bytes than fit are left out, the packet is not', () => {
    const played = { ...playedVideo, extensions: { ...playedVideo.extensions, playoutDelay: 11 } }
    const { publisher, stream, sink } = createPair({ played: [played] })
    const extensions = Object.fromEntries([5, 6].map((id) => [id, new Uint8Array(150).fill(id)]))
    receive(publisher, { sequence: 1, payload: key(1), extensions }, 0)
    stream.flush(0)
    const [packet] = sink.takePackets()
    expect(packet?.payload).toEqual(key(1))
    expect(packet?.extensions.get(3)).toEqual(new Uint8Array(150).fill(5))
    expect(packet?.extensions.has(11)).toBe(false)
  })

  it('leave padding and contributing sources behind', () => {
    const { publisher, stream, sink } = createPair()
    receive(publisher, { sequence: 1, payload: key(1), paddingBytes: 33 }, 0)
    stream.flush(0)
    const [packet] = sink.takePackets()
    expect(packet?.payload).toEqual(key(1))
    expect(Number.parseInt(packet?.raw.slice(0, 2) ?? '', 16)).toBe(0x90)
    expect(playedAudio.payloadType).not.toBe(packet?.payloadType)
  })
})
