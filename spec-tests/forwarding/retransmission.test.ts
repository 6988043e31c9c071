import { describe, expect, it } from 'vitest'
import {
  createPair,
  createViewer,
  playedVideo,
  receive,
  receiveRtcp,
  startingSequenceNumbers,
  tagOf,
  testLimits,
  vp8Payload,
  withoutRtx,
} from './harness.ts'
import type { Viewer } from '../../src/media/forwarding/viewer.ts'

function setUp(start = 100, hasRtx = true, count = 50) {
  const pair = createPair({ played: [hasRtx ? playedVideo : withoutRtx(playedVideo)], seed: start })
  for (let i = 0; i < count; i++) {
    receive(pair.publisher, { sequence: start + i, payload: vp8Payload(i === 0, i), marker: i % 2 === 0 }, 0)
  }
  pair.stream.flush(0)
  return { ...pair, sent: pair.sink.takePackets() }
}

function nack(viewer: Viewer, lost: readonly number[], nowMs: number): void {
  receiveRtcp(
    viewer,
    (writer) =>
      writer.nack(
        1,
        playedVideo.ssrc,
        lost.map((n) => n & 0xffff),
        lost.length,
      ),
    nowMs,
  )
}

describe("answers to a viewer's NACK", () => {
  it.each(startingSequenceNumbers)(
    'are RTX with a number of its own and the original one inside, from %i on',
    (start) => {
      const { viewer, sink, sent } = setUp(start)
      const wanted = [3, 4, 30].map((i) => sent[i])
      nack(
        viewer,
        wanted.map((packet) => packet?.sequence ?? 0),
        100,
      )
      const repairs = sink.takePackets()
      expect(repairs).toHaveLength(3)
      repairs.forEach((repair, i) => {
        const original = wanted[i]
        expect(repair.ssrc).toBe(playedVideo.rtxSsrc)
        expect(repair.payloadType).toBe(121)
        expect(repair.sequence).toBe((repairs[0]?.sequence ?? 0) + i)
        expect([...repair.prefix]).toEqual([
          ((original?.sequence ?? 0) >> 8) & 0xff,
          (original?.sequence ?? 0) & 0xff,
        ])
        expect(repair.timestamp).toBe(original?.timestamp)
        expect(repair.marker).toBe(original?.marker)
        expect(repair.payload).toEqual(original?.payload)
        // It is a packet of its own for the bandwidth estimation.
        expect(repair.extensions.get(8)).not.toEqual(original?.extensions.get(8))
      })
      expect(viewer.statistics()).toMatchObject({ nacksReceived: 3, retransmitted: 3, packetsSent: 53 })
    },
  )

  it.each(startingSequenceNumbers)('are the very same packets where there is no RTX, from %i on', (start) => {
    const { viewer, sink, sent, publisher, stream } = setUp(start, false)
    // The time and the MID in the header have changed since.
    receiveRtcp(
      viewer,
      (writer) => {
        writer.beginReceiverReport(1)
        writer.reportBlock(playedVideo.ssrc, 0, 0, 1, 0, 0, 0)
      },
      500,
    )
    receive(publisher, { sequence: start + 50 }, 600)
    stream.flush(600)
    sink.takePackets()
    nack(viewer, [sent[7]?.sequence ?? 0], 1_000)
    expect(sink.takePackets().map((packet) => packet.raw)).toEqual([sent[7]?.raw])
  })

  it('repeat a first answer, too, where the packet itself had not been sent', () => {
    const { viewer, sink, publisher, stream, sent } = setUp(100, false)
    sink.isFull = true
    receive(publisher, { sequence: 150 }, 10)
    stream.flush(10)
    sink.isFull = false
    receive(publisher, { sequence: 151 }, 20)
    stream.flush(20)
    sink.takePackets()
    const wanted = [(sent[0]?.sequence ?? 0) + 50]
    nack(viewer, wanted, 100)
    nack(viewer, wanted, 500)
    const [first, second] = sink.takePackets()
    expect(first && tagOf(first)).toBe(150)
    expect(second?.raw).toBe(first?.raw)
  })

  it('know a packet after a very late one has been forwarded', () => {
    const { viewer, sink, publisher, stream } = createPair({ played: [withoutRtx(playedVideo)] })
    for (let i = 0; i < 1_100; i++) {
      if (i !== 20) receive(publisher, { sequence: i, payload: vp8Payload(i === 0, i) }, i)
      stream.flush(i)
    }
    const sent = sink.takePackets()
    receive(publisher, { sequence: 20 }, 1_200)
    stream.flush(1_200)
    sink.takePackets()
    const original = sent.find((packet) => tagOf(packet) === 1_044)
    nack(viewer, [original?.sequence ?? 0, (sent[0]?.sequence ?? 0) + 20], 1_300)
    // The late one's header is not known any more, the other one's still is.
    expect(sink.takePackets().map((packet) => packet.raw)).toEqual([original?.raw])
  })

  it('do not repeat a packet so old that nobody knows how it was sent', () => {
    const { viewer, sink, sent } = setUp(100, false, 1_500)
    nack(viewer, [sent[100]?.sequence ?? 0, sent[1_000]?.sequence ?? 0], 10)
    expect(sink.takePackets().map(tagOf)).toEqual([1_000])
  })

  it('come at most once per round trip for the same packet', () => {
    const { viewer, sink, sent } = setUp()
    const wanted = [sent[3]?.sequence ?? 0]
    for (const nowMs of [100, 110, 149]) nack(viewer, wanted, nowMs)
    expect(sink.takePackets()).toHaveLength(1)
    nack(viewer, wanted, 150)
    expect(sink.takePackets()).toHaveLength(1)
    expect(viewer.statistics().dropped).toEqual({ 'retransmission-too-soon': 2 })
  })

  it('are within a share of what is forwarded', () => {
    const limits = { ...testLimits, retransmissionBurstBytes: 1_000, retransmissionShare: 0.5 }
    const { viewer, sink } = createViewer({ tracks: [playedVideo], limits })
    const { stream, publisher } = createPair()
    stream.addViewer(viewer)
    viewer.start(0)
    for (let i = 0; i < 20; i++) receive(publisher, { sequence: i, payload: vp8Payload(i === 0, i, 400) }, 0)
    stream.flush(0)
    const sent = sink.takePackets().map((packet) => packet.sequence)
    nack(viewer, sent, 10)
    expect(sink.takePackets()).toHaveLength(2)
    expect(viewer.statistics().dropped).toEqual({ 'retransmission-budget': 18 })
    // 2,000 bytes more are forwarded: 1,000 of them may be sent again, less what the burst has left.
    for (let i = 20; i < 25; i++) receive(publisher, { sequence: i, payload: vp8Payload(false, i, 400) }, 20)
    stream.flush(20)
    sink.takePackets()
    nack(viewer, sent.slice(10), 100)
    expect(sink.takePackets()).toHaveLength(2)
  })

  it('leave out what was never there, is gone, or belongs to the future', () => {
    const { viewer, sink, sent } = setUp()
    const first = sent[0]?.sequence ?? 0
    nack(viewer, [first - 1, first + 50, first + 20_000], 10)
    expect(sink.takePackets()).toEqual([])
    expect(viewer.statistics().dropped).toEqual({ 'retransmission-unavailable': 3 })
  })

  it('are not given where NACK was not negotiated', () => {
    const track = { ...playedVideo, feedback: { ...playedVideo.feedback, nack: false } }
    const { viewer, sink, publisher, stream } = createPair({ played: [track] })
    receive(publisher, { sequence: 1, payload: vp8Payload(true, 1) }, 0)
    stream.flush(0)
    const [packet] = sink.takePackets()
    nack(viewer, [packet?.sequence ?? 0], 10)
    expect(sink.takePackets()).toEqual([])
  })

  it('come from the source that the packet was of, after another one took over', () => {
    const { viewer, sink, publisher, stream } = createPair()
    receive(publisher, { sequence: 1, payload: vp8Payload(true, 1) }, 0)
    receive(publisher, { sequence: 2, payload: vp8Payload(false, 2) }, 0)
    stream.flush(0)
    const [, second] = sink.takePackets()
    receive(publisher, { sequence: 9_000, ssrc: 5, payload: vp8Payload(true, 9_000) }, 40)
    stream.flush(40)
    const [third] = sink.takePackets()
    expect(third?.sequence).toBe((second?.sequence ?? 0) + 1)
    nack(viewer, [second?.sequence ?? 0, third?.sequence ?? 0], 60)
    // The first source's packets went with its SSRC.
    expect(sink.takePackets().map(tagOf)).toEqual([9_000])
  })
})
