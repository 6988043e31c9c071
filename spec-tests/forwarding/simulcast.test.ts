import { describe, expect, it } from 'vitest'
import {
  createPair,
  playedVideo,
  publishedVideo,
  receive,
  receiveRtcp,
  tagOf,
  vp8Payload,
} from './harness.ts'

const high = 0x100
const low = 0x200
/** Clients differ in which one they name first. */
const published = {
  ...publishedVideo,
  encodings: [
    { rid: 'l', ssrc: low },
    { rid: 'h', ssrc: high },
  ],
}

function setUp() {
  const pair = createPair({ published: [published], played: [playedVideo] })
  const { publisher, stream } = pair
  let sequence = 0
  /** 30 frames per second of both layers, a keyframe each second. */
  const play = (fromMs: number, toMs: number, layers: readonly number[]) => {
    for (let nowMs = fromMs; nowMs < toMs; nowMs += 33) {
      sequence++
      for (const ssrc of layers) {
        const payload = vp8Payload(sequence % 30 === 1, ssrc + sequence, ssrc === high ? 1_000 : 200)
        receive(publisher, { sequence, ssrc, timestamp: nowMs * 90 + ssrc * 1_000, payload }, nowMs)
      }
      stream.flush(nowMs)
      if (publisher.nextTimeoutMs() <= nowMs) publisher.handleTimeout(nowMs)
    }
  }
  const layersSeen = () => pair.sink.packets.map((packet) => (packet.payload.length === 1_000 ? high : low))
  return { ...pair, play, layersSeen }
}

describe('simulcast', () => {
  it('sends the encoding with the highest bit rate, whatever the order in the SDP', () => {
    const { play, layersSeen, sink } = setUp()
    play(0, 5_000, [low, high])
    const layers = layersSeen()
    expect(layers[layers.length - 1]).toBe(high)
    // One switch, at a keyframe, without a gap.
    const switches = layers.filter((layer, i) => i > 0 && layer !== layers[i - 1])
    expect(switches).toHaveLength(1)
    const start = sink.packets[0]?.sequence ?? 0
    sink.packets.forEach((packet, i) => expect(packet.sequence).toBe(start + i))
    const at = layers.indexOf(high)
    expect((tagOf(sink.packets[at]!) - high) % 30).toBe(1)
    // Timestamps of the layers have different origins; the viewer's go on with the time.
    const last = sink.packets[sink.packets.length - 1]!
    const elapsed = (last.timestamp - sink.packets[0]!.timestamp) >>> 0
    expect(Math.abs(elapsed / 90 - 4_950)).toBeLessThan(100)
    for (let i = 1; i < sink.packets.length; i++) {
      expect((sink.packets[i]!.timestamp - sink.packets[i - 1]!.timestamp) | 0).toBeGreaterThan(0)
    }
  })

  it('falls back to another encoding when the one that is sent stops, and asks for its keyframe', () => {
    const { play, layersSeen, sink, rtcp } = setUp()
    play(0, 5_000, [low, high])
    sink.takePackets()
    rtcp.take()
    play(5_000, 12_000, [low])
    expect(layersSeen().every((layer) => layer === low)).toBe(true)
    expect(layersSeen().length).toBeGreaterThan(60)
    expect(rtcp.take().flat()).toContainEqual(['pli', low])
  })

  it('goes on asking for a keyframe of the encoding to come while the present one has its own', () => {
    const { publisher, stream, rtcp, viewer } = setUp()
    const asked: number[] = []
    for (let i = 0; i < 240; i++) {
      const nowMs = i * 33
      for (const ssrc of [low, high]) {
        const isKeyframe = ssrc === low && i % 10 === 0
        const payload = vp8Payload(isKeyframe, i, ssrc === high ? 1_000 : 200)
        receive(publisher, { sequence: i, ssrc, timestamp: nowMs * 90, payload }, nowMs)
      }
      stream.flush(nowMs)
      publisher.handleTimeout(nowMs)
      for (const [name, ssrc] of rtcp.take().flat()) if (name === 'pli' && ssrc === high) asked.push(nowMs)
    }
    expect(asked.length).toBeGreaterThanOrEqual(4)
    expect(viewer.tracks[0]?.source?.ssrc).toBe(low)
  })

  it('answers a NACK from the encoding that the packet was of', () => {
    const { play, layersSeen, sink, viewer } = setUp()
    play(0, 4_000, [low, high])
    const at = layersSeen().indexOf(high)
    const [before, after] = [sink.packets[at - 1]!, sink.packets[at + 1]!]
    sink.takePackets()
    receiveRtcp(
      viewer,
      (writer) => writer.nack(1, playedVideo.ssrc, [before.sequence & 0xffff, after.sequence & 0xffff], 2),
      4_000,
    )
    const repairs = sink.takePackets()
    expect(repairs.map((packet) => packet.payload)).toEqual([before.payload, after.payload])
    expect(repairs.map((packet) => packet.timestamp)).toEqual([before.timestamp, after.timestamp])
  })
})
