import { describe, expect, it } from 'vitest'
import type { PublishedTrack } from '../../src/media/contract.ts'
import type { CodecName } from '../../src/media/rtp/codecs.ts'
import { toSequenceNumber } from '../../src/media/rtp/sequence-number.ts'
import {
  createPair,
  createViewer,
  playedVideo,
  publishedVideo,
  receive,
  receiveRtcp,
  testLimits,
  withoutRtx,
} from './harness.ts'

const bytes = (...values: number[]) => Uint8Array.from(values)

/** NAL units of H.264: baseline profile, level 3.1, ids 0. */
const h264 = {
  sets: [bytes(0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40), bytes(0x68, 0xce, 0x3c, 0x80)],
  aggregateHead: [0x78],
  idr: bytes(0x65, 0x88, 0x84, 0x01),
  slice: (n: number) => bytes(0x41, 0x9a, n),
}
/** NAL units of H.265: VPS, SPS, PPS; IDR_W_RADL and TRAIL_R slices that are the first of their pictures. */
const h265 = {
  sets: [bytes(0x40, 1, 12, 1), bytes(0x42, 1, 1, 1, 96), bytes(0x44, 1, 193, 114)],
  aggregateHead: [0x60, 1],
  idr: bytes(0x26, 1, 0xaf, 9),
  slice: (n: number) => bytes(0x02, 1, 0xd0, n),
}
const shapes = { H264: h264, H265: h265 } as const

function aggregate(head: readonly number[], nalUnits: readonly Uint8Array[]): Uint8Array {
  return bytes(...head, ...nalUnits.flatMap((unit) => [unit.length >> 8, unit.length & 0xff, ...unit]))
}

function setUp(codec: CodecName, parameterSets?: readonly Uint8Array[]) {
  const published: PublishedTrack = { ...publishedVideo, codec, ...(parameterSets && { parameterSets }) }
  const limits = { ...testLimits, instantStart: true }
  const played = { ...playedVideo, codec }
  const pair = createPair({ published: [published], played: [played], limits })
  let sequence = 500
  let nowMs = 0
  /** One picture: its payloads, at 30 pictures per second. */
  const send = (...payloads: Uint8Array[]) => {
    nowMs += 33
    for (const payload of payloads) {
      receive(pair.publisher, { sequence: sequence++, timestamp: nowMs * 90, payload }, nowMs)
    }
    pair.stream.flush(nowMs)
  }
  const join = (track = played) => {
    const { viewer, sink } = createViewer({ tracks: [track], limits, nowMs })
    pair.stream.addViewer(viewer, nowMs)
    viewer.start(nowMs)
    viewer.handleTimeout(nowMs)
    return { viewer, sink }
  }
  return { ...pair, send, join, played }
}

describe.each(['H264', 'H265'] as const)('%s parameter sets', (codec) => {
  const { sets, idr, slice, aggregateHead } = shapes[codec]

  it('that came long before are sent in front of the keyframe, in numbers and timestamp of its own picture', () => {
    const { send, join } = setUp(codec)
    send(...sets, idr)
    send(slice(1))
    send(idr)
    send(slice(2))
    const { sink } = join()
    expect(sink.packets.map(({ payload }) => payload)).toEqual([...sets, idr, slice(2)])
    const [first] = sink.packets
    expect(sink.packets.map(({ sequence }) => sequence - first!.sequence)).toEqual(
      sink.packets.map((_, i) => i),
    )
    for (let i = 0; i <= sets.length; i++) expect(sink.packets[i]!.timestamp).toBe(first!.timestamp)
    expect(sink.packets.at(-1)!.timestamp).not.toBe(first!.timestamp)
  })

  it('that came in an aggregate are found', () => {
    const { send, join } = setUp(codec)
    send(aggregate(aggregateHead, [...sets, slice(0)]))
    send(idr)
    const { sink } = join()
    expect(sink.packets.map(({ payload }) => payload)).toEqual([...sets, idr])
  })

  it('that only the SDP told are sent in front of the first keyframe, also of a viewer that was there before', () => {
    const { send, join, sink } = setUp(codec, sets)
    send(idr)
    send(slice(1))
    expect(sink.packets.map(({ payload }) => payload)).toEqual([...sets, idr, slice(1)])
    expect(join().sink.packets.map(({ payload }) => payload)).toEqual([...sets, idr, slice(1)])
  })

  it('that come with the keyframe are not sent twice', () => {
    const { send, join, sink } = setUp(codec, sets)
    send(...sets, idr)
    expect(sink.packets.map(({ payload }) => payload)).toEqual([...sets, idr])
    expect(join().sink.packets.map(({ payload }) => payload)).toEqual([...sets, idr])
  })

  it('that change are sent in their latest version', () => {
    const { send, join } = setUp(codec, sets)
    const changed = Uint8Array.from(sets[0] ?? [])
    changed[changed.length - 1]! ^= 1
    send(changed)
    send(idr)
    const payloads = join().sink.packets.map(({ payload }) => payload)
    expect(payloads).toEqual([changed, ...sets.slice(1), idr])
  })

  it.each([
    ['by RTX', (track: typeof playedVideo) => track],
    ['by the same packet again', withoutRtx],
  ])('are sent again on request, %s', (_, edit) => {
    const { send, join, played } = setUp(codec, sets)
    send(idr)
    send(slice(1))
    const { viewer, sink } = join(edit(played))
    const sent = sink.takePackets()
    const numbers = Float64Array.from(sent, ({ sequence }) => toSequenceNumber(sequence))
    receiveRtcp(viewer, (writer) => writer.nack(1, played.ssrc, numbers, numbers.length), 70)
    const again = sink.takePackets()
    expect(again.map(({ payload }) => payload)).toEqual(sent.map(({ payload }) => payload))
    expect(again.map(({ timestamp }) => timestamp)).toEqual(sent.map(({ timestamp }) => timestamp))
  })

  it('use no more packet memory than a bound, and give it back', () => {
    const { send, publisher, pool, join } = setUp(codec)
    send(...sets, idr)
    send(idr)
    join()
    const before = pool.bytes
    for (let i = 0; i < 2_000; i++) {
      const changed = Uint8Array.from(sets[0] ?? [])
      changed[changed.length - 1] = i
      changed[changed.length - 2] = i >> 8
      send(changed)
      send(idr)
      if (i % 20 === 0) join()
    }
    expect(pool.bytes).toBeLessThanOrEqual(before + 64 * 1024 * 3)
    publisher.close(1e6)
    expect(pool.bytes).toBe(0)
  })
})
