import { describe, expect, it } from 'vitest'
import {
  createPair,
  playedVideo,
  receive,
  receiveRtcp,
  startingSequenceNumbers,
  tagOf,
  vp8Payload,
} from './harness.ts'

const padding = { payload: new Uint8Array(0), paddingBytes: 200 }

describe('padding-only packets', () => {
  it.each(startingSequenceNumbers)('are not forwarded and leave no gap, from %i on', (start) => {
    const { publisher, stream, sink } = createPair({ seed: start })
    for (let i = 0; i < 60; i++) {
      const isPadding = i % 10 > 6
      receive(
        publisher,
        { sequence: start + i, ...(isPadding ? padding : { payload: vp8Payload(i === 0, i) }) },
        i,
      )
      stream.flush(i)
    }
    const packets = sink.takePackets()
    expect(packets).toHaveLength(42)
    packets.forEach((packet, i) => expect(packet.sequence).toBe((packets[0]?.sequence ?? 0) + i))
    expect(publisher.statistics().dropped).toEqual({ 'padding-only': 18 })
  })

  it('leave the gap of a lost packet beside them, which its repair fills', () => {
    const { publisher, stream, sink } = createPair()
    receive(publisher, { sequence: 1, payload: vp8Payload(true, 1) }, 0)
    receive(publisher, { sequence: 3, ...padding }, 0)
    receive(publisher, { sequence: 4 }, 0)
    receive(publisher, { sequence: 2 }, 30)
    stream.flush(30)
    const packets = sink.takePackets()
    const start = packets[0]?.sequence ?? 0
    expect(packets.map((packet) => [tagOf(packet), packet.sequence - start])).toEqual([
      [1, 0],
      [4, 2],
      [2, 1],
    ])
  })

  it('that come late fill the gap that viewers have seen, with an empty packet', () => {
    const { publisher, stream, sink, viewer } = createPair()
    receive(publisher, { sequence: 1, payload: vp8Payload(true, 1) }, 0)
    receive(publisher, { sequence: 3 }, 0)
    stream.flush(0)
    const [first] = sink.takePackets()
    receive(publisher, { sequence: 2, ...padding }, 10)
    stream.flush(10)
    const [fill] = sink.takePackets()
    expect(fill?.sequence).toBe((first?.sequence ?? 0) + 1)
    expect(fill?.payload).toHaveLength(0)
    // It can be asked for like any other.
    receiveRtcp(
      viewer,
      (writer) => writer.nack(1, playedVideo.ssrc, [((first?.sequence ?? 0) + 1) & 0xffff], 1),
      100,
    )
    expect(sink.takePackets().map((packet) => packet.prefix.length)).toEqual([2])
  })

  it('do not start video', () => {
    const { publisher, stream, sink } = createPair()
    receive(publisher, { sequence: 1, ...padding }, 0)
    stream.flush(0)
    expect(sink.packets).toEqual([])
  })
})
