import { describe, expect, it } from 'vitest'
import type { PlayedTrack } from '../../src/media/contract.ts'
import type { ForwardingLimits } from '../../src/media/forwarding/limits.ts'
import { Stream } from '../../src/media/forwarding/stream.ts'
import type { Viewer } from '../../src/media/forwarding/viewer.ts'
import { toSequenceNumber } from '../../src/media/rtp/sequence-number.ts'
import {
  audioSsrc,
  createPublisher,
  createRandom,
  createViewer,
  playedAudio,
  playedVideo,
  receive,
  receiveRtcp,
  type SentPacket,
  startingSequenceNumbers,
  tagOf,
  testLimits,
  vp8Payload,
  withoutRtx,
} from './harness.ts'

const limits: ForwardingLimits = { ...testLimits, instantStart: true }
const frameMs = 1000 / 30
const frameTicks = 3_000
const packetsPerFrame = 3
const payloadBytes = 700
/** As long as the gateway's timers are apart. */
const stepMs = 5

/** A publisher of 30 pictures per second in packets of three, and of audio; time is in the hands of the test. */
class Broadcast {
  readonly stream = new Stream('test')
  readonly #created
  nowMs = 0
  frames = 0
  readonly #firstSequence: number
  readonly #keyframeEvery: number
  /** Sequence numbers, counted from the start, that are lost on the way to the gateway. */
  readonly lost = new Set<number>()
  readonly #viewers: Viewer[] = []
  readonly requests: number[] = []

  constructor(options: { firstSequence?: number; keyframeEvery?: number; limits?: ForwardingLimits } = {}) {
    this.#created = createPublisher({ limits: options.limits ?? limits })
    this.#firstSequence = options.firstSequence ?? 100
    this.#keyframeEvery = options.keyframeEvery ?? 120
    this.stream.setPublisher(this.publisher, 0)
  }

  get publisher() {
    return this.#created.publisher
  }

  get pool() {
    return this.#created.pool
  }

  /** A viewer that connects now. */
  join(tracks: readonly PlayedTrack[] = [playedVideo, playedAudio], its = limits) {
    const { viewer, sink } = createViewer({ tracks, limits: its, nowMs: this.nowMs })
    this.stream.addViewer(viewer, this.nowMs)
    viewer.start(this.nowMs)
    this.#viewers.push(viewer)
    return { viewer, sink }
  }

  runUntil(untilMs: number): void {
    for (; this.nowMs < untilMs; this.nowMs += stepMs) {
      while (this.frames * frameMs <= this.nowMs) this.#sendFrame()
      this.stream.flush(this.nowMs)
      this.handleViewers()
      if (this.publisher.nextTimeoutMs() <= this.nowMs) this.publisher.handleTimeout(this.nowMs)
      for (const items of this.#created.rtcp.take()) {
        if (items.some(([name]) => name === 'pli')) this.requests.push(this.nowMs)
      }
    }
  }

  handleViewers(): void {
    for (const viewer of this.#viewers) {
      if (viewer.nextTimeoutMs() <= this.nowMs) viewer.handleTimeout(this.nowMs)
    }
  }

  /** Packet `index` as it was, or is, sent. */
  deliver(index: number): void {
    const frame = Math.floor(index / packetsPerFrame)
    const isFirst = index % packetsPerFrame === 0
    const payload = vp8Payload(isFirst && frame % this.#keyframeEvery === 0, index, payloadBytes)
    if (!isFirst) payload[0] = 0
    const sequence = this.#firstSequence + index
    const marker = index % packetsPerFrame === packetsPerFrame - 1
    receive(this.publisher, { sequence, timestamp: frame * frameTicks, marker, payload }, this.nowMs)
  }

  #sendFrame(): void {
    const frame = this.frames++
    for (let i = 0; i < packetsPerFrame; i++) {
      const index = frame * packetsPerFrame + i
      if (!this.lost.has(index)) this.deliver(index)
    }
    const audio = { ssrc: audioSsrc, payloadType: 111, sequence: frame, timestamp: frame * 1600 }
    receive(this.publisher, { ...audio, payload: vp8Payload(false, frame) }, this.nowMs)
  }
}

const videoOf = (packets: readonly SentPacket[]) => packets.filter(({ ssrc }) => ssrc === playedVideo.ssrc)

/** In the order of the viewer's numbers. */
const inOrder = (packets: readonly SentPacket[]) =>
  [...new Map(packets.map((packet) => [packet.sequence, packet])).values()].toSorted(
    (a, b) => a.sequence - b.sequence,
  )

function expectContinuous(packets: readonly SentPacket[], firstTag: number, lastTag: number): void {
  const ordered = inOrder(packets)
  expect(ordered).toHaveLength(packets.length)
  const first = ordered[0]?.sequence ?? NaN
  expect(ordered.map(({ sequence }) => sequence - first)).toEqual(ordered.map((_, i) => i))
  expect(ordered.map(tagOf)).toEqual(ordered.map((_, i) => firstTag + i))
  expect(tagOf(ordered.at(-1)!)).toBe(lastTag)
  // One timestamp for each picture, each higher than the last.
  for (let i = 1; i < ordered.length; i++) {
    const step = (ordered[i]!.timestamp - ordered[i - 1]!.timestamp) | 0
    if (tagOf(ordered[i]!) % packetsPerFrame === 0) expect(step).toBeGreaterThan(0)
    else expect(step).toBe(0)
  }
}

describe('a viewer that joins between two keyframes', () => {
  it.each(startingSequenceNumbers)(
    'is sent all since the last keyframe, then what is live, with no gap and no duplicate, from %i on',
    (firstSequence) => {
      const broadcast = new Broadcast({ firstSequence })
      broadcast.runUntil(3_000)
      const { sink } = broadcast.join()
      broadcast.runUntil(6_000)
      expectContinuous(videoOf(sink.packets), 0, broadcast.frames * packetsPerFrame - 1)
    },
  )

  it('does not make the publisher be asked for a keyframe', () => {
    const broadcast = new Broadcast()
    broadcast.runUntil(2_000)
    const { sink } = broadcast.join()
    broadcast.runUntil(3_900)
    expect(videoOf(sink.packets).length).toBeGreaterThan(0)
    expect(broadcast.requests).toEqual([])
  })

  it('gets the keyframe in the first turn, and has caught up within half a second', () => {
    const broadcast = new Broadcast()
    broadcast.runUntil(3_800)
    const { sink } = broadcast.join()
    broadcast.runUntil(3_805)
    expect(videoOf(sink.packets).length).toBeGreaterThanOrEqual(packetsPerFrame)
    broadcast.runUntil(4_300)
    expect(inOrder(videoOf(sink.packets)).map(tagOf).at(-1)).toBe(broadcast.frames * packetsPerFrame - 1)
  })

  it('is not sent more at once than 32 KiB at the start and 50 Mbit/s then', () => {
    const broadcast = new Broadcast()
    broadcast.runUntil(3_900)
    const { sink } = broadcast.join()
    let sent = 0
    const startMs = broadcast.nowMs
    for (let turn = 1; turn < 100; turn++) {
      broadcast.runUntil(startMs + turn * stepMs)
      sent += videoOf(sink.takePackets()).length * payloadBytes
      // One more packet may be begun, and two pictures come live.
      expect(sent).toBeLessThan(32 * 1024 + turn * stepMs * 6_250 + (1 + 2 * packetsPerFrame) * payloadBytes)
    }
  })

  it('is sent replayed pictures with the time of the newest one, and live pictures with their own', () => {
    const broadcast = new Broadcast()
    broadcast.runUntil(3_000)
    const { sink } = broadcast.join()
    const early = broadcast.join()
    broadcast.runUntil(8_000)
    const packets = inOrder(videoOf(sink.packets))
    const last = packets.at(-1)!
    const newestFrame = Math.floor((3_000 - stepMs) / frameMs)
    for (const packet of packets) {
      const frame = Math.floor(tagOf(packet) / packetsPerFrame)
      const behindLast = ((last.timestamp - packet.timestamp) | 0) / frameTicks
      const frameOfTimestamp = Math.floor(tagOf(last) / packetsPerFrame) - behindLast
      if (frame < newestFrame) expect(frameOfTimestamp).toBeGreaterThan(newestFrame - 0.15)
      if (frame > newestFrame + 20) expect(frameOfTimestamp).toBe(frame)
    }
    expectContinuous(videoOf(early.sink.packets), 0, broadcast.frames * packetsPerFrame - 1)
  })

  it('is told by sender reports, from the start, how audio and video belong together', () => {
    const broadcast = new Broadcast()
    broadcast.runUntil(3_000)
    const { sink } = broadcast.join()
    broadcast.runUntil(3_400)
    const packets = inOrder(videoOf(sink.packets))
    const reports = sink
      .take()
      .flat()
      .filter(([name]) => name === 'sr')
    const of = (ssrc: number) => reports.filter((report) => report[1] === ssrc)
    expect(of(playedVideo.ssrc).length).toBeGreaterThan(0)
    expect(of(playedAudio.ssrc).length).toBeGreaterThan(0)
    const lastVideo = packets.at(-1)!
    const lastAudio = sink.packets.filter(({ ssrc }) => ssrc === playedAudio.ssrc).at(-1)!
    // Audio and video of the same moment were sent together: they have the same NTP time by each pair of reports.
    const ntpMs = (report: readonly unknown[]) =>
      Number(report[2]) * 1000 + (Number(report[3]) / 2 ** 32) * 1000
    for (const video of of(playedVideo.ssrc)) {
      for (const audio of of(playedAudio.ssrc)) {
        const videoMs = ntpMs(video) + ((lastVideo.timestamp - Number(video[4])) | 0) / 90
        const audioMs = ntpMs(audio) + ((lastAudio.timestamp - Number(audio[4])) | 0) / 48
        expect(Math.abs(videoMs - audioMs)).toBeLessThan(5)
      }
    }
  })

  it('waits at a packet that may yet be repaired, and goes on with it', () => {
    const broadcast = new Broadcast()
    broadcast.lost.add(265)
    broadcast.runUntil(2_990)
    const { sink } = broadcast.join()
    broadcast.runUntil(3_050)
    expect(videoOf(sink.packets).map(tagOf)).not.toContain(266)
    broadcast.deliver(265)
    broadcast.runUntil(5_000)
    expectContinuous(videoOf(sink.packets), 0, broadcast.frames * packetsPerFrame - 1)
    expect(broadcast.requests).toEqual([])
  })
})

describe('retransmission of what was replayed', () => {
  it.each([
    ['by RTX', playedVideo],
    ['by the same packet again', withoutRtx(playedVideo)],
  ])('has the payload and the timestamp of the first time, %s', (_, track) => {
    const broadcast = new Broadcast()
    broadcast.runUntil(2_000)
    const { viewer, sink } = broadcast.join([track])
    broadcast.runUntil(2_100)
    const sent = new Map(videoOf(sink.packets).map((packet) => [packet.sequence, packet]))
    for (const [sequence, packet] of sent) {
      sink.takePackets()
      receiveRtcp(
        viewer,
        (writer) => writer.nack(1, track.ssrc, Float64Array.of(toSequenceNumber(sequence)), 1),
        2_120,
      )
      const [again] = sink.takePackets()
      expect(again?.timestamp).toBe(packet.timestamp)
      expect(again?.payload).toEqual(packet.payload)
    }
    expect(sent.size).toBeGreaterThan(100)
  })

  it('never sends other bytes under a number, whatever is asked for and whatever comes late', () => {
    // The sink throws where that happens.
    for (let seed = 1; seed <= 30; seed++) {
      const random = createRandom(seed)
      const broadcast = new Broadcast({
        firstSequence: random() % 65_536,
        keyframeEvery: 20 + (random() % 100),
      })
      broadcast.runUntil(500 + (random() % 3_000))
      const { viewer, sink } = broadcast.join([withoutRtx(playedVideo)])
      for (let turn = 0; turn < 100; turn++) {
        const index = broadcast.frames * packetsPerFrame + (random() % 12)
        broadcast.lost.add(index)
        if (random() % 4 === 0) sink.isFull = !sink.isFull
        broadcast.runUntil(broadcast.nowMs + 10)
        for (const late of broadcast.lost) {
          if (late >= broadcast.frames * packetsPerFrame || random() % 3 !== 0) continue
          broadcast.lost.delete(late)
          broadcast.deliver(late)
        }
        const wanted = Float64Array.from({ length: 8 }, () => random() % 65_536)
        const near = sink.packets.at(-1)?.sequence ?? 0
        wanted.forEach((_, i) => (wanted[i] = toSequenceNumber(near - 200 + (random() % 400))))
        receiveRtcp(viewer, (writer) => writer.nack(1, playedVideo.ssrc, wanted.sort(), 8), broadcast.nowMs)
      }
      expect(sink.packets.length).toBeGreaterThan(0)
    }
  })
})

describe('a last keyframe that is not sent', () => {
  const expectNextKeyframe = (broadcast: Broadcast, its: ForwardingLimits) => {
    const joinedMs = broadcast.nowMs
    const { sink } = broadcast.join([playedVideo], its)
    broadcast.runUntil(joinedMs + 100)
    expect(sink.packets).toEqual([])
    expect(broadcast.requests[0]).toBeGreaterThanOrEqual(joinedMs)
    broadcast.runUntil(5_000)
    expect(tagOf(sink.packets[0]!)).toBe(120 * packetsPerFrame)
  }

  it.each<[string, Partial<ForwardingLimits>]>([
    ['is older than the limit', { instantStartMs: 1_900 }],
    ['has more bytes behind it than the limit', { instantStartBytes: 50_000 }],
    ['is not wanted', { instantStart: false }],
  ])('because it %s: the next one is asked for', (_, changes) => {
    const broadcast = new Broadcast()
    broadcast.runUntil(2_000)
    expectNextKeyframe(broadcast, { ...limits, ...changes })
  })

  it('because a part of it was lost for good: the next one is asked for', () => {
    const broadcast = new Broadcast()
    broadcast.lost.add(30)
    broadcast.runUntil(2_000)
    expectNextKeyframe(broadcast, limits)
  })

  it('because it is not in the store any more: the next one is asked for', () => {
    const broadcast = new Broadcast({ limits: { ...limits, packetStoreBytes: 64 * 1024 } })
    broadcast.runUntil(2_000)
    expectNextKeyframe(broadcast, limits)
  })

  it('yet: it is sent as soon as the part that was missing has come', () => {
    const broadcast = new Broadcast()
    broadcast.lost.add(30)
    broadcast.runUntil(2_000)
    const { sink } = broadcast.join([playedVideo])
    broadcast.runUntil(2_100)
    expect(sink.packets).toEqual([])
    broadcast.deliver(30)
    broadcast.runUntil(3_000)
    expectContinuous(sink.packets, 0, broadcast.frames * packetsPerFrame - 1)
  })
})

describe('publishers that come and go', () => {
  it('a replay that is under way ends with its publisher, and the next one goes on in its numbers', () => {
    const broadcast = new Broadcast()
    broadcast.runUntil(3_900)
    const { viewer, sink } = broadcast.join([playedVideo])
    broadcast.runUntil(3_910)
    broadcast.publisher.close(3_910)
    broadcast.stream.setPublisher(undefined, 3_910)
    const before = sink.takePackets()
    const { publisher: next } = createPublisher({ seed: 9, limits })
    broadcast.stream.setPublisher(next, 5_000)
    receive(next, { sequence: 7, timestamp: 1, payload: vp8Payload(true, 1) }, 6_000)
    broadcast.stream.flush(6_000)
    viewer.handleTimeout(6_005)
    const after = sink.takePackets()
    expect(after.map(tagOf)).toEqual([1])
    expect(after[0]!.sequence - before.at(-1)!.sequence).toBe(1)
    expect((after[0]!.timestamp - before.at(-1)!.timestamp) / 90_000).toBeCloseTo(2.1, 1)
  })

  it('a viewer that comes when a publisher has already sent a keyframe is sent that one, also after a replacement', () => {
    const broadcast = new Broadcast()
    broadcast.runUntil(1_000)
    const { sink } = broadcast.join([playedVideo])
    broadcast.runUntil(2_000)
    const next = new Broadcast()
    next.runUntil(1_000)
    const before = inOrder(sink.takePackets()).at(-1)!
    // Its packets came before it was joined to the viewers.
    next.stream.setPublisher(undefined, 2_000)
    broadcast.stream.setPublisher(next.publisher, 2_000)
    for (let nowMs = 2_000; nowMs < 2_500; nowMs += stepMs) {
      broadcast.nowMs = nowMs
      broadcast.stream.flush(nowMs)
      broadcast.handleViewers()
    }
    const after = inOrder(sink.takePackets())
    expect(after[0]!.sequence).toBe(before.sequence + 1)
    expect((after[0]!.timestamp - before.timestamp) | 0).toBeGreaterThan(0)
    expectContinuous(after, 0, next.frames * packetsPerFrame - 1)
  })
})
