/** The RTCP that a publisher is sent: reports, NACK, keyframe requests, transport-wide feedback, REMB, BYE. */
import { RtcpWriter } from '../rtp/rtcp.ts'
import type { SequenceNumber } from '../rtp/sequence-number.ts'
import type { PublisherOptions } from './publisher.ts'
import type { RtcpSink } from './ports.ts'
import { RembGenerator } from './remb-generator.ts'
import type { SourceTrack } from './source-track.ts'
import { TransportFeedbackGenerator } from './transport-feedback-generator.ts'

/** Reports go out after 0.5 to 1.5 times this (RFC 3550 section 6.2: randomised, so that sessions do not fall into step). */
const reportIntervalMs = 1_000
/** Until a repaired packet has shown the real one. */
const defaultRoundTripTimeMs = 100
/** Weight of a new sample, as in TCP (RFC 6298 section 2). */
const roundTripTimeGain = 1 / 8
/** Numbers in one NACK: at worst each takes a pair of its own, 4 bytes, and they have to fit one datagram. */
const maxNacksPerDatagram = 250
/** A bound for one turn; what is left over is due in the next. */
const maxFeedbackDatagrams = 16

export class PublisherFeedback {
  readonly #sink: RtcpSink
  readonly #random: () => number
  readonly #writer = new RtcpWriter()
  /** Ours as a receiver; RFC 7022 section 4.2 asks for a CNAME that means nothing. */
  readonly #ssrc: number
  readonly #cname: string
  readonly #transport: TransportFeedbackGenerator | undefined
  readonly #remb: RembGenerator | undefined
  readonly #lost = new Float64Array(maxNacksPerDatagram)
  #nextReportMs = Infinity
  #roundTripTimeMs = defaultRoundTripTimeMs
  hasRoundTripTime = false
  /** Packets asked for again. */
  nacks = 0

  constructor(options: PublisherOptions, hasTransportFeedback: boolean) {
    this.#sink = options.rtcp
    this.#random = options.random
    this.#ssrc = options.random() >>> 0 || 1
    this.#cname = (options.random() >>> 0).toString(36) + (options.random() >>> 0).toString(36)
    if (hasTransportFeedback) this.#transport = new TransportFeedbackGenerator()
    else if (options.tracks.some((track) => track.feedback.remb)) {
      this.#remb = new RembGenerator(options.limits.maxPublishBitrate)
    }
  }

  get roundTripTimeMs(): number {
    return this.#roundTripTimeMs
  }

  /** The first media packet came. */
  start(nowMs: number): void {
    this.#scheduleReport(nowMs)
    this.#remb?.start(nowMs)
  }

  noteTransportSequence(sequence: SequenceNumber, nowMs: number): void {
    this.#transport?.receive(sequence, nowMs)
  }

  nextTimeoutMs(sources: readonly SourceTrack[]): number {
    let next = this.#nextReportMs
    if (this.#transport !== undefined) next = Math.min(next, this.#transport.nextTimeoutMs)
    if (this.#remb !== undefined) next = Math.min(next, this.#remb.nextTimeoutMs)
    for (const source of sources) {
      if (!source.hasPackets) continue
      next = Math.min(
        next,
        source.keyframeRequester.nextTimeoutMs,
        source.nackGenerator?.nextDueMs ?? Infinity,
      )
    }
    return next
  }

  /** Sends what is due; `receivedBytes` are all that came so far. */
  send(sources: readonly SourceTrack[], receivedBytes: number, nowMs: number): void {
    for (const source of sources) {
      if (!source.hasPackets) continue
      this.#sendNacks(source, nowMs)
      this.#sendKeyframeRequest(source, nowMs)
    }
    this.#sendTransportFeedback(sources, nowMs)
    this.#sendRemb(sources, receivedBytes, nowMs)
    if (nowMs >= this.#nextReportMs) {
      this.#writeReport(sources, nowMs)
      this.#flush()
      this.#scheduleReport(nowMs)
    }
  }

  /** BYE, behind a report as in every compound packet (RFC 3550 section 6.1). */
  sendBye(sources: readonly SourceTrack[], nowMs: number): void {
    this.#writeReport(sources, nowMs)
    this.#writer.bye(this.#ssrc)
    this.#flush()
  }

  /** In a datagram of its own: FFmpeg overlooks a NACK behind a report. Reduced-size RTCP (RFC 5506) allows it. */
  #sendNacks(source: SourceTrack, nowMs: number): void {
    if (source.roundTripSampleMs >= 0) {
      this.#noteRoundTripTime(source.roundTripSampleMs)
      source.roundTripSampleMs = -1
    }
    const generator = source.nackGenerator
    if (generator === undefined || nowMs < generator.nextDueMs) return
    for (let i = 0; i < maxFeedbackDatagrams; i++) {
      const count = generator.collect(nowMs, this.#roundTripTimeMs, this.#lost)
      if (count === 0) return
      this.nacks += count
      this.#writer.reset()
      this.#writer.nack(this.#ssrc, source.ssrc, this.#lost, count)
      this.#flush()
    }
  }

  #sendKeyframeRequest(source: SourceTrack, nowMs: number): void {
    const requester = source.keyframeRequester
    if (!requester.takeDue(nowMs)) return
    this.#writer.reset()
    if (requester.method === 'fir') {
      this.#writer.fullIntraRequest(this.#ssrc, source.ssrc, requester.commandSequenceNumber)
    } else this.#writer.pictureLossIndication(this.#ssrc, source.ssrc)
    this.#flush()
  }

  #sendTransportFeedback(sources: readonly SourceTrack[], nowMs: number): void {
    const transport = this.#transport
    if (transport === undefined || nowMs < transport.nextTimeoutMs) return
    // Any SSRC will do: what is reported on belongs to the transport.
    const mediaSsrc = sources.find((source) => source.hasPackets)?.ssrc ?? 0
    for (let i = 0; i < maxFeedbackDatagrams; i++) {
      this.#writer.reset()
      if (!transport.write(this.#writer, this.#ssrc, mediaSsrc, nowMs)) return
      this.#flush()
    }
  }

  #sendRemb(sources: readonly SourceTrack[], receivedBytes: number, nowMs: number): void {
    if (this.#remb === undefined || nowMs < this.#remb.nextTimeoutMs) return
    let expected = 0
    let lost = 0
    const ssrcs: number[] = []
    for (const source of sources) {
      if (!source.hasPackets) continue
      expected += source.statistics.expected
      lost += source.statistics.cumulativeLost
      if (source.track.feedback.remb) ssrcs.push(source.ssrc)
    }
    const bitsPerSecond = this.#remb.update(expected, lost, receivedBytes, nowMs)
    this.#writer.reset()
    this.#writer.receiverEstimatedMaximumBitrate(this.#ssrc, bitsPerSecond, ssrcs)
    this.#flush()
  }

  #writeReport(sources: readonly SourceTrack[], nowMs: number): void {
    const writer = this.#writer
    writer.reset()
    writer.beginReceiverReport(this.#ssrc)
    for (const source of sources) {
      if (!source.hasPackets) continue
      const { statistics } = source
      writer.reportBlock(
        source.ssrc,
        statistics.takeFractionLost(),
        statistics.cumulativeLost,
        statistics.extendedHighestSequenceNumber,
        statistics.jitter,
        statistics.lastSenderReport,
        statistics.delaySinceLastSenderReport(nowMs),
      )
    }
    writer.sourceDescription(this.#ssrc, this.#cname)
  }

  #scheduleReport(nowMs: number): void {
    this.#nextReportMs = nowMs + reportIntervalMs * (0.5 + this.#random() / 2 ** 32)
  }

  #noteRoundTripTime(sampleMs: number): void {
    if (this.hasRoundTripTime) {
      this.#roundTripTimeMs += (sampleMs - this.#roundTripTimeMs) * roundTripTimeGain
    } else {
      this.#roundTripTimeMs = sampleMs
      this.hasRoundTripTime = true
    }
  }

  #flush(): void {
    if (this.#writer.length > 0) this.#sink.sendRtcp(this.#writer.bytes, this.#writer.length)
  }
}
