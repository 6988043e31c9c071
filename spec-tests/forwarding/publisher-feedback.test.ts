import { describe, expect, it } from 'vitest'
import { compactNtp } from '../../src/media/rtp/ntp-time.ts'
import {
  audioSsrc,
  createPair,
  createPublisher,
  createViewer,
  noFeedback,
  publishedAudio,
  publishedVideo,
  receive,
  receiveRtcp,
  videoRtxSsrc,
  videoSsrc,
  vp8Payload,
  type FakeRtcpSink,
  type RtcpItem,
} from './harness.ts'
import type { Publisher } from '../../src/media/forwarding/publisher.ts'
import { Stream } from '../../src/media/forwarding/stream.ts'

/** Lets time pass as the timers of a thread would; returns the datagrams with the time of each. */
function pass(publisher: Publisher, rtcp: FakeRtcpSink, fromMs: number, toMs: number) {
  const sent: { nowMs: number; items: RtcpItem[] }[] = []
  for (let nowMs = fromMs; nowMs <= toMs; nowMs++) {
    if (publisher.nextTimeoutMs() > nowMs) continue
    publisher.handleTimeout(nowMs)
    for (const items of rtcp.take()) sent.push({ nowMs, items })
  }
  return sent
}

const plainVideo = { ...publishedVideo, extensions: {}, feedback: { ...noFeedback, nack: true, pli: true } }

describe('RTCP to a publisher', () => {
  it('starts with the first packet', () => {
    const { publisher } = createPublisher()
    expect(publisher.nextTimeoutMs()).toBe(Infinity)
    receive(publisher, { sequence: 1 }, 5)
    expect(publisher.nextTimeoutMs()).toBeLessThan(2_000)
  })

  it('has a NACK in a datagram of its own, since FFmpeg overlooks one behind a report', () => {
    const { publisher, rtcp } = createPublisher({ tracks: [plainVideo] })
    for (const sequence of [65_530, 65_533, 65_538]) receive(publisher, { sequence }, 0)
    const nacks = pass(publisher, rtcp, 0, 40)
    expect(nacks).toEqual([{ nowMs: 10, items: [['nack', videoSsrc, 65_531, expect.any(Number)]] }])
    const bitmask = nacks[0]?.items[0]?.[3] as number
    const asked = [65_531]
    for (let bit = 0; bit < 16; bit++) if (bitmask & (1 << bit)) asked.push(65_532 + bit)
    expect(asked).toEqual([65_531, 65_532, 65_534, 65_535, 65_536, 65_537])
    expect(publisher.statistics().nacksSent).toBe(6)
  })

  it('has no NACK where none was negotiated', () => {
    const { publisher, rtcp } = createPublisher({ tracks: [publishedAudio] })
    for (const sequence of [1, 5]) {
      receive(publisher, { sequence, ssrc: audioSsrc, payloadType: 111 }, 0)
    }
    const names = pass(publisher, rtcp, 0, 400).flatMap(({ items }) => items.map(([name]) => name))
    expect(names).not.toContain('nack')
  })

  it('has a report of each source and a CNAME about every second', () => {
    const { publisher, rtcp } = createPublisher({
      tracks: [plainVideo, { ...publishedAudio, feedback: noFeedback }],
    })
    receive(publisher, { sequence: 10 }, 0)
    receive(publisher, { sequence: 20, ssrc: audioSsrc, payloadType: 111 }, 0)
    receiveRtcp(publisher, (writer) => writer.senderReport(videoSsrc, 100, 0x8000_0000, 30_000, 1, 1), 0)
    const sent = pass(publisher, rtcp, 0, 10_000)
    expect(sent.length).toBeGreaterThanOrEqual(7)
    expect(sent.length).toBeLessThanOrEqual(20)
    for (let i = 1; i < sent.length; i++) {
      const wait = (sent[i]?.nowMs ?? 0) - (sent[i - 1]?.nowMs ?? 0)
      expect(wait).toBeGreaterThanOrEqual(500)
      expect(wait).toBeLessThanOrEqual(1_501)
    }
    const [first] = sent
    expect(first?.items.map((item) => [item[0], item[2]])).toEqual([
      ['block', videoSsrc],
      ['block', audioSsrc],
    ])
    const [, , , fractionLost, cumulativeLost, highest, , lsr, dlsr] = first?.items[0] ?? []
    expect([fractionLost, cumulativeLost, highest]).toEqual([0, 0, 10])
    expect(lsr).toBe(compactNtp(100, 0x8000_0000))
    expect(dlsr).toBe(Math.round((first?.nowMs ?? 0) * 65.536))
  })

  it('has transport-wide feedback in a datagram of its own, on every packet of the transport', () => {
    const { publisher, rtcp } = createPublisher()
    const extension = (n: number) => ({ extensions: { 4: Uint8Array.of(0, n) } })
    receive(publisher, { sequence: 1, ...extension(1) }, 0)
    receive(publisher, { sequence: 2, ...extension(2), payload: new Uint8Array(0), paddingBytes: 20 }, 1)
    receive(publisher, { sequence: 7, ssrc: audioSsrc, payloadType: 111, ...extension(3) }, 2)
    // Not a packet of ours, but one of the transport.
    receive(publisher, { sequence: 7, ssrc: 99, payloadType: 99, ...extension(5) }, 3)
    const [first] = pass(publisher, rtcp, 3, 3)
    expect(first?.items).toMatchObject([['twcc', { baseSequenceNumber: 1, received: [1, 1, 1, 0, 1] }]])
  })

  it('has REMB for a publisher without transport-wide feedback', () => {
    const track = { ...plainVideo, feedback: { ...noFeedback, remb: true } }
    const { publisher, rtcp } = createPublisher({ tracks: [track] })
    receive(publisher, { sequence: 1 }, 0)
    const [first] = pass(publisher, rtcp, 0, 0)
    expect(first?.items[0]?.[0]).toBe('remb')
    expect(first?.items[0]?.[1]).toBeGreaterThan(990_000)
  })

  it('says goodbye when it is closed, and nothing after that', () => {
    const { publisher, rtcp } = createPublisher()
    receive(publisher, { sequence: 1 }, 0)
    publisher.close(10)
    expect(rtcp.take().map((items) => items.map(([name]) => name))).toEqual([['block', 'bye']])
    publisher.close(11)
    publisher.handleTimeout(20_000)
    receive(publisher, { sequence: 2 }, 30_000)
    expect(publisher.nextTimeoutMs()).toBe(Infinity)
    expect(rtcp.take()).toEqual([])
  })

  it('measures the round trip from a NACK to its RTX', () => {
    const { publisher, rtcp } = createPublisher({ tracks: [plainVideo] })
    for (const sequence of [1, 3]) receive(publisher, { sequence }, 0)
    pass(publisher, rtcp, 0, 10)
    expect(publisher.statistics().roundTripTimeMs).toBeUndefined()
    const payload = Uint8Array.of(0, 2, ...vp8Payload(false, 2))
    receive(publisher, { sequence: 500, ssrc: videoRtxSsrc, payloadType: 97, payload }, 52)
    receive(publisher, { sequence: 5 }, 53)
    pass(publisher, rtcp, 53, 70)
    expect(publisher.statistics().roundTripTimeMs).toBe(42)
    expect(publisher.statistics().retransmitted).toBe(1)
  })
})

describe('keyframe requests to a publisher', () => {
  function setUp(feedback = { ...noFeedback, pli: true }) {
    const stream = new Stream('test')
    const { publisher, rtcp } = createPublisher({ tracks: [{ ...plainVideo, feedback }] })
    stream.setPublisher(publisher, 0)
    receive(publisher, { sequence: 1, payload: vp8Payload(true, 1) }, 0)
    stream.flush(0)
    return { stream, publisher, rtcp }
  }
  const requestsIn = (sent: { nowMs: number; items: RtcpItem[] }[]) =>
    sent.filter(({ items }) => items[0]?.[0] === 'pli' || items[0]?.[0] === 'fir')

  it('are made when a viewer comes late, in datagrams of their own', () => {
    const { stream, publisher, rtcp } = setUp()
    const { viewer, sink } = createViewer()
    stream.addViewer(viewer)
    viewer.start(10)
    expect(requestsIn(pass(publisher, rtcp, 10, 11))).toEqual([{ nowMs: 10, items: [['pli', videoSsrc]] }])
    receive(publisher, { sequence: 2, payload: vp8Payload(true, 2) }, 50)
    stream.flush(50)
    expect(sink.packets).toHaveLength(1)
    expect(requestsIn(pass(publisher, rtcp, 51, 5_000))).toEqual([])
    expect(publisher.statistics()).toMatchObject({ keyframes: 2, keyframeRequests: 1 })
  })

  it('are repeated until the keyframe is there, and stop when the viewer leaves', () => {
    const { stream, publisher, rtcp } = setUp()
    const { viewer } = createViewer()
    stream.addViewer(viewer)
    viewer.start(0)
    const times = requestsIn(pass(publisher, rtcp, 0, 4_000)).map(({ nowMs }) => nowMs)
    expect(times).toEqual([0, 500, 1_500, 3_500])
    viewer.close(4_001)
    stream.removeViewer(viewer, 4_001)
    expect(requestsIn(pass(publisher, rtcp, 4_002, 20_000))).toEqual([])
  })

  it('stop when the only viewer that waits is taken from the stream', () => {
    const { stream, publisher, rtcp } = setUp()
    const { viewer } = createViewer()
    stream.addViewer(viewer)
    viewer.start(0)
    expect(requestsIn(pass(publisher, rtcp, 0, 100))).toHaveLength(1)
    stream.removeViewer(viewer, 101)
    expect(requestsIn(pass(publisher, rtcp, 101, 20_000))).toEqual([])
  })

  it('are counted once where a FIR is repeated under the same number', () => {
    const { viewer } = createPair()
    for (const number of [5, 5, 5, 6]) {
      receiveRtcp(viewer, (writer) => writer.fullIntraRequest(1, 0x0a0a_0a0a, number), 0)
    }
    expect(viewer.statistics().keyframeRequests).toBe(2)
  })

  it('follow a PLI or FIR of a viewer, once for all that come in one interval', () => {
    const { stream, publisher, rtcp } = setUp()
    const viewers = [1, 2, 3].map((seed) => createViewer({ seed }).viewer)
    for (const viewer of viewers) {
      stream.addViewer(viewer)
      viewer.start(0)
    }
    pass(publisher, rtcp, 0, 10)
    receive(publisher, { sequence: 2, payload: vp8Payload(true, 2) }, 20)
    stream.flush(20)
    const [a, b] = viewers
    const ssrc = 0x0a0a_0a0a
    for (let nowMs = 600; nowMs < 700; nowMs += 10) {
      receiveRtcp(a!, (writer) => writer.pictureLossIndication(1, ssrc), nowMs)
      receiveRtcp(b!, (writer) => writer.fullIntraRequest(1, ssrc, nowMs & 0xff), nowMs)
    }
    expect(requestsIn(pass(publisher, rtcp, 700, 1_100)).map(({ nowMs }) => nowMs)).toEqual([700])
    receive(publisher, { sequence: 3, payload: vp8Payload(true, 3) }, 1_101)
    stream.flush(1_101)
    expect(requestsIn(pass(publisher, rtcp, 1_102, 5_000))).toEqual([])
    expect(a?.statistics().keyframeRequests).toBe(10)
  })

  it('are made by FIR where only that was negotiated', () => {
    const { stream, publisher, rtcp } = setUp({ ...noFeedback, fir: true })
    const { viewer } = createViewer()
    stream.addViewer(viewer)
    viewer.start(10)
    expect(requestsIn(pass(publisher, rtcp, 10, 11))).toMatchObject([{ items: [['fir', videoSsrc, 0]] }])
  })

  it('are not made where neither was negotiated', () => {
    const { stream, publisher, rtcp } = setUp(noFeedback)
    const { viewer } = createViewer()
    stream.addViewer(viewer)
    viewer.start(10)
    expect(requestsIn(pass(publisher, rtcp, 10, 5_000))).toEqual([])
  })

  it('wait for the first packet of a publisher that has just come', () => {
    const { publisher, rtcp } = createPair({ published: [plainVideo, publishedAudio] })
    expect(publisher.nextTimeoutMs()).toBe(Infinity)
    receive(publisher, { sequence: 1, ssrc: audioSsrc, payloadType: 111 }, 0)
    expect(requestsIn(pass(publisher, rtcp, 0, 99))).toEqual([])
    publisher.handleTimeout(99)
    expect(
      rtcp
        .take()
        .flat()
        .map(([name]) => name),
    ).not.toContain('pli')
    receive(publisher, { sequence: 1 }, 100)
    expect(requestsIn(pass(publisher, rtcp, 100, 100))).toHaveLength(1)
  })
})
