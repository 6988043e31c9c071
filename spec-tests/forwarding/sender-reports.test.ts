import { describe, expect, it } from 'vitest'
import { ntpFractionOf, ntpSecondsOf, unixMsOfNtp } from '../../src/media/rtp/ntp-time.ts'
import { toSequenceNumber } from '../../src/media/rtp/sequence-number.ts'
import {
  audioSsrc,
  createPair,
  createRandom,
  playedAudio,
  playedVideo,
  receive,
  receiveRtcp,
  videoSsrc,
  vp8Payload,
  type RtcpItem,
} from './harness.ts'

const wallClockOffsetMs = 1_700_000_000_000

interface Report {
  readonly ssrc: number
  readonly ntpMs: number
  readonly timestamp: number
  readonly packets: number
  readonly octets: number
}

function reportsIn(datagrams: RtcpItem[][]): Report[] {
  return datagrams
    .flat()
    .filter(([name]) => name === 'sr')
    .map(([, ssrc, seconds, fraction, timestamp, packets, octets]) => ({
      ssrc: ssrc as number,
      ntpMs: unixMsOfNtp(seconds as number, fraction as number),
      timestamp: timestamp as number,
      packets: packets as number,
      octets: octets as number,
    }))
}

/** When a viewer believes a timestamp to have been captured. */
function captureMs(report: Report, timestamp: number, clockRate: number): number {
  return report.ntpMs + (((timestamp - report.timestamp) | 0) * 1_000) / clockRate
}

/**
 * A publisher whose clock shows another time, whose timestamps start anywhere, over a path with delay and jitter: video and audio captured
 * at the same moments.
 */
function play(options: { seed: number; seconds: number; withReports: boolean }) {
  const random = createRandom(options.seed)
  const { publisher, stream, viewer, sink } = createPair({ seed: options.seed })
  const publisherClockMs = (random() % 1_000_000_000) + 1_600_000_000_000
  const videoStart = random()
  const audioStart = random()
  const captured = new Map<string, number>()
  let sequence = 0
  for (let ms = 0; ms < options.seconds * 1_000; ms += 20) {
    sequence++
    const arrivalMs = ms + 40 + (random() % 15)
    const video = { sequence, timestamp: (videoStart + ms * 90) >>> 0 }
    const audio = { sequence, ssrc: audioSsrc, payloadType: 111, timestamp: (audioStart + ms * 48) >>> 0 }
    receive(publisher, { ...video, payload: vp8Payload(sequence === 1, sequence) }, arrivalMs)
    receive(publisher, { ...audio, payload: vp8Payload(false, sequence) }, arrivalMs)
    captured.set(`${playedVideo.ssrc} ${sequence}`, ms)
    captured.set(`${playedAudio.ssrc} ${sequence}`, ms)
    if (options.withReports && ms % 500 === 0) {
      const ntpMs = publisherClockMs + ms
      for (const [ssrc, timestamp] of [
        [videoSsrc, video.timestamp],
        [audioSsrc, audio.timestamp],
      ] as const) {
        receiveRtcp(
          publisher,
          (writer) => writer.senderReport(ssrc, ntpSecondsOf(ntpMs), ntpFractionOf(ntpMs), timestamp, 0, 0),
          arrivalMs,
        )
      }
    }
    stream.flush(arrivalMs)
    if (viewer.nextTimeoutMs() <= arrivalMs) viewer.handleTimeout(arrivalMs)
  }
  return { viewer, sink, captured }
}

describe('sender reports to a viewer', () => {
  it('keep audio and video of the same moment within 1 ms', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { sink, captured } = play({ seed, seconds: 6, withReports: true })
      const reports = reportsIn(sink.take())
      const video = reports.filter(({ ssrc }) => ssrc === playedVideo.ssrc).pop()!
      const audio = reports.filter(({ ssrc }) => ssrc === playedAudio.ssrc).pop()!
      const errors = sink.packets.map((packet) => {
        const tag = new DataView(packet.payload.buffer).getUint32(packet.payload.length - 4)
        const trueMs = captured.get(`${packet.ssrc} ${tag}`) ?? NaN
        const isVideo = packet.ssrc === playedVideo.ssrc
        return captureMs(isVideo ? video : audio, packet.timestamp, isVideo ? 90_000 : 48_000) - trueMs
      })
      expect(Math.max(...errors) - Math.min(...errors)).toBeLessThan(1)
      // On our clock: what was captured is at most the path's delay behind.
      expect(Math.min(...errors) - wallClockOffsetMs).toBeGreaterThanOrEqual(39)
      expect(Math.max(...errors) - wallClockOffsetMs).toBeLessThan(60)
    }
  })

  it('keep them within the jitter of the path where the publisher sends none (GStreamer)', () => {
    const { sink, captured } = play({ seed: 5, seconds: 6, withReports: false })
    const reports = reportsIn(sink.take())
    expect(reports.length).toBeGreaterThan(8)
    const errors = sink.packets.slice(-100).map((packet) => {
      const tag = new DataView(packet.payload.buffer).getUint32(packet.payload.length - 4)
      const isVideo = packet.ssrc === playedVideo.ssrc
      const report = reports.filter(({ ssrc }) => ssrc === packet.ssrc).pop()!
      return (
        captureMs(report, packet.timestamp, isVideo ? 90_000 : 48_000) -
        (captured.get(`${packet.ssrc} ${tag}`) ?? NaN)
      )
    })
    expect(Math.max(...errors) - Math.min(...errors)).toBeLessThan(2)
  })

  it('come with the first packet, then every second, each with its CNAME', () => {
    const { publisher, stream, viewer, sink } = createPair()
    receive(publisher, { sequence: 1, payload: vp8Payload(true, 1) }, 0)
    expect(sink.take()).toEqual([])
    stream.flush(0)
    expect(sink.datagrams).toHaveLength(1)
    expect(Buffer.from(sink.datagrams[0]!).includes(playedVideo.cname)).toBe(true)
    expect(reportsIn(sink.take()).map(({ ssrc }) => ssrc)).toEqual([playedVideo.ssrc])
    // Audio starts: both, so that they can be aligned.
    receive(publisher, { sequence: 1, ssrc: audioSsrc, payloadType: 111 }, 10)
    stream.flush(10)
    expect(reportsIn(sink.take()).map(({ ssrc }) => ssrc)).toEqual([playedVideo.ssrc, playedAudio.ssrc])
    viewer.handleTimeout(1_009)
    expect(sink.take()).toEqual([])
    viewer.handleTimeout(1_010)
    expect(reportsIn(sink.take())).toHaveLength(2)
  })

  it('go with the media when they are due, and alone where none comes for a while', () => {
    const { publisher, stream, viewer, sink } = createPair()
    receive(publisher, { sequence: 1, payload: vp8Payload(true, 1) }, 0)
    stream.flush(0)
    sink.take()
    receive(publisher, { sequence: 2 }, 990)
    stream.flush(990)
    expect(reportsIn(sink.take())).toEqual([])
    receive(publisher, { sequence: 3 }, 1_010)
    stream.flush(1_010)
    expect(reportsIn(sink.take())).toHaveLength(1)
    expect(viewer.nextTimeoutMs()).toBe(2_110)
    viewer.handleTimeout(2_110)
    expect(reportsIn(sink.take())).toHaveLength(1)
  })

  it('count packets and payload bytes of the media, without retransmissions', () => {
    const { publisher, stream, viewer, sink } = createPair()
    for (let i = 0; i < 10; i++) {
      receive(publisher, { sequence: i, payload: vp8Payload(i === 0, i, 100), paddingBytes: 7 }, 0)
    }
    stream.flush(0)
    const sequence = sink.packets[3]?.sequence ?? 0
    receiveRtcp(viewer, (writer) => writer.nack(1, playedVideo.ssrc, [sequence & 0xffff], 1), 10)
    expect(viewer.statistics().retransmitted).toBe(1)
    sink.take()
    viewer.handleTimeout(1_000)
    expect(reportsIn(sink.take())[0]).toMatchObject({ packets: 10, octets: 1_000 })
  })

  it('tell the wall clock time', () => {
    const { publisher, stream, sink } = createPair()
    receive(publisher, { sequence: 1, payload: vp8Payload(true, 1) }, 250)
    stream.flush(250)
    expect(reportsIn(sink.take())[0]?.ntpMs).toBeCloseTo(wallClockOffsetMs + 250, 2)
  })

  it('end with a goodbye for each track', () => {
    const { viewer, sink } = createPair()
    viewer.close(10)
    const datagrams = sink.take()
    expect(datagrams.map((items) => items.map(([name, ssrc]) => [name, ssrc]))).toEqual([
      [
        ['sr', playedVideo.ssrc],
        ['bye', playedVideo.ssrc],
      ],
      [
        ['sr', playedAudio.ssrc],
        ['bye', playedAudio.ssrc],
      ],
    ])
    viewer.close(11)
    viewer.handleTimeout(20_000)
    expect(viewer.nextTimeoutMs()).toBe(Infinity)
    expect(sink.take()).toEqual([])
  })
})

describe("a viewer's reports", () => {
  it('tell round-trip time and loss', () => {
    const { publisher, stream, viewer, sink } = createPair()
    receive(publisher, { sequence: 1, payload: vp8Payload(true, 1) }, 1_000)
    stream.flush(1_000)
    const [report] = reportsIn(sink.take())
    const unixMs = report?.ntpMs ?? 0
    const lsr = ((ntpSecondsOf(unixMs) << 16) | (ntpFractionOf(unixMs) >>> 16)) >>> 0
    receiveRtcp(
      viewer,
      (writer) => {
        writer.beginReceiverReport(5)
        writer.reportBlock(playedVideo.ssrc, 12, 34, 56, 78, lsr, 0.5 * 65_536)
      },
      1_580,
    )
    const statistics = viewer.statistics()
    expect(statistics.packetsLost).toBe(34)
    expect(statistics.roundTripTimeMs).toBeCloseTo(80, 1)
  })

  it('of bandwidth and of packets that arrived are kept for its estimation', () => {
    const { viewer } = createPair()
    receiveRtcp(
      viewer,
      (writer) => {
        writer.receiverEstimatedMaximumBitrate(5, 1_000_000, [])
        writer.transportFeedback(5, 0, 0, toSequenceNumber(7), 0, [1, NaN, 3], 3)
      },
      0,
    )
    expect(viewer.feedback.maximumBitrate).toBe(1_000_000)
    expect(viewer.feedback).toMatchObject({ transportFeedbacks: 1, feedbackReceived: 2, feedbackLost: 1 })
  })

  it('end with a goodbye', () => {
    const { viewer } = createPair()
    let told = 0
    viewer.onBye = () => told++
    // Of one of our own SSRCs it means nothing.
    receiveRtcp(viewer, (writer) => writer.bye(playedVideo.ssrc), 0)
    expect(told).toBe(0)
    receiveRtcp(viewer, (writer) => writer.bye(5), 0)
    expect(told).toBe(1)
  })

  it('that are damaged are counted', () => {
    const { viewer } = createPair()
    viewer.receiveRtcp(Uint8Array.of(1, 2, 3), new DataView(new ArrayBuffer(3)), 0, 3, 0)
    expect(viewer.statistics().dropped).toEqual({ 'malformed-rtcp': 1 })
  })
})
