/** A viewer's media: which source feeds each of its tracks, and the RTCP between it and us. */
import type { PlayedTrack } from '../contract.ts'
import { absoluteSendTimeOfMs } from '../rtp/header-extension-values.ts'
import { ntpFractionOf, ntpSecondsOf } from '../rtp/ntp-time.ts'
import { readRtcp, RtcpWriter } from '../rtp/rtcp.ts'
import type { ForwardingLimits } from './limits.ts'
import type { RtpSink } from './ports.ts'
import type { Publisher } from './publisher.ts'
import { SendContext } from './send-context.ts'
import { SendTrack } from './send-track.ts'
import type { ForwardingStatistics } from './statistics.ts'
import { ViewerFeedback } from './viewer-feedback.ts'

/** RFC 3550 section 6.2 would allow 5 s; players align audio and video by the first reports. */
const reportIntervalMs = 1_000
/** A sender report takes 28 bytes, a CNAME at most 268, a goodbye 8. */
const maxReportBytes = 320

export interface ViewerOptions {
  readonly tracks: readonly PlayedTrack[]
  readonly sink: RtpSink
  readonly limits: ForwardingLimits
  /** Uniform in 0 to 2^32 - 1. */
  readonly random: () => number
  readonly nowMs: number
  /** Unix time in ms minus `nowMs`, for the NTP time of sender reports. Without it they count from 1970. */
  readonly wallClockOffsetMs?: number
}

/** How long a due report waits for media to go with: longer than any usual interval between pictures. */
const reportSlackMs = 100

export class Viewer {
  readonly tracks: readonly SendTrack[]
  /** Told once, when the first packet has been sent. */
  onFirstPacket: (() => void) | undefined
  /** Told when the viewer says goodbye. */
  onBye: (() => void) | undefined

  /** What its reports said; bandwidth estimation will read it. */
  readonly feedback: ViewerFeedback

  readonly #context: SendContext
  readonly #writer = new RtcpWriter(maxReportBytes)
  readonly #wallClockOffsetMs: number
  /** The track that each of the publisher's sources feeds, by the source's index. */
  #routes: (SendTrack | undefined)[] = []
  #publisher: Publisher | undefined
  #nextReportMs = Infinity
  #isStarted = false
  #isClosed = false
  #hasSent = false

  constructor(options: ViewerOptions) {
    const { limits, random } = options
    this.#wallClockOffsetMs = options.wallClockOffsetMs ?? 0
    this.#context = new SendContext(options.sink, random() & 0xffff)
    this.tracks = options.tracks.map((track) => new SendTrack(track, this.#context, random, limits))
    this.feedback = new ViewerFeedback(this.tracks, limits, this.#wallClockOffsetMs, () => this.onBye?.())
  }

  /** The viewer is connected: it is sent what arrives from now on, video from the last keyframe on or else from the next one. */
  start(nowMs: number): void {
    if (this.#isStarted || this.#isClosed) return
    this.#isStarted = true
    for (const track of this.tracks) track.start(nowMs)
    this.#nextReportMs = nowMs + reportIntervalMs
  }

  /** Takes decrypted RTCP, compound or reduced-size. */
  receiveRtcp(bytes: Uint8Array, view: DataView, offset: number, length: number, nowMs: number): void {
    if (this.#isClosed) return
    this.feedback.nowMs = nowMs
    this.#context.absoluteSendTime = absoluteSendTimeOfMs(nowMs)
    if (!readRtcp(bytes, view, offset, length, this.feedback)) {
      this.#context.drops.count('malformed-rtcp')
    }
  }

  /** When `handleTimeout` is to be called next; Infinity where nothing is due. */
  nextTimeoutMs(): number {
    if (this.#isClosed) return Infinity
    let next = this.#nextReportMs + reportSlackMs
    for (const track of this.tracks) next = Math.min(next, track.nextCatchUpMs)
    return next
  }

  handleTimeout(nowMs: number): void {
    if (this.#isClosed) return
    if (this.#context.isCatchingUp) {
      this.#context.absoluteSendTime = absoluteSendTimeOfMs(nowMs)
      this.#catchUp(nowMs)
    }
    if (nowMs >= this.#nextReportMs || this.#context.isReportDue) this.#sendReports(nowMs)
  }

  /** Says goodbye. Nothing is sent after this. */
  close(nowMs: number): void {
    if (this.#isClosed) return
    for (const track of this.tracks) {
      if (this.#isStarted) this.#sendReport(track, nowMs, true)
      track.stop()
    }
    this.#isClosed = true
    this.bind(undefined, nowMs)
  }

  /** For the stream: feeds the tracks from `publisher`, from none where undefined. Also called when its sources have changed. */
  bind(publisher: Publisher | undefined, nowMs: number): void {
    const isOther = publisher !== this.#publisher
    this.#publisher = publisher
    const routes = new Array<SendTrack | undefined>(publisher?.sources.length ?? 0).fill(undefined)
    const taken = new Set<number>()
    for (const track of this.tracks) {
      const trackIndex = publisher === undefined ? -1 : matchingTrack(publisher, track, taken)
      taken.add(trackIndex)
      const { source } = track
      if (source !== undefined && publisher?.sources[source.index] !== source) track.endSource(nowMs)
      if (isOther) track.forgetSources()
      track.setTarget(trackIndex < 0 ? undefined : publisher?.preferredSource(trackIndex), nowMs)
      publisher?.sources.forEach((candidate, index) => {
        if (candidate.trackIndex === trackIndex) routes[index] = track
      })
    }
    this.#routes = routes
  }

  /** For the stream: sends what has arrived at the publisher that this viewer is bound to. */
  forwardArrivals(publisher: Publisher, nowMs: number): void {
    if (!this.#isStarted) return
    const { arrivals, sources } = publisher
    const routes = this.#routes
    this.#context.absoluteSendTime = absoluteSendTimeOfMs(nowMs)
    if (this.#context.isCatchingUp) this.#catchUp(nowMs)
    for (let i = 0; i < arrivals.count; i++) {
      const index = arrivals.sources[i]!
      const track = routes[index]
      if (track !== undefined) track.forward(sources[index]!, arrivals.slots[i]!, nowMs)
    }
    this.#noteSent()
    // A source has started to feed a track: players align audio and video as soon as they are told how. Later reports go with the media
    // too: a turn of its own for each viewer's would break up the batches in which all packets leave.
    if (this.#context.isReportDue || nowMs >= this.#nextReportMs) this.#sendReports(nowMs)
  }

  statistics(): ForwardingStatistics {
    const context = this.#context
    const { feedback } = this
    let keyframes = 0
    let packetsLost = 0
    for (const track of this.tracks) {
      keyframes += track.keyframes
      packetsLost += Math.max(0, track.reported.cumulativeLost)
    }
    return {
      packetsReceived: 0,
      bytesReceived: 0,
      packetsSent: context.packets,
      bytesSent: context.bytes,
      packetsLost,
      nacksSent: 0,
      nacksReceived: feedback.nacks,
      retransmitted: context.retransmitted,
      keyframeRequests: feedback.keyframeRequests,
      keyframes,
      ...(feedback.hasRoundTripTime ? { roundTripTimeMs: feedback.roundTripTimeMs } : {}),
      dropped: context.drops.toRecord(),
    }
  }

  #catchUp(nowMs: number): void {
    let isCatchingUp = false
    for (const track of this.tracks) {
      track.catchUp(nowMs)
      if (track.nextCatchUpMs !== Infinity) isCatchingUp = true
    }
    this.#context.isCatchingUp = isCatchingUp
    this.#noteSent()
  }

  #noteSent(): void {
    if (this.#hasSent || this.#context.packets === 0) return
    this.#hasSent = true
    this.onFirstPacket?.()
  }

  /** All tracks in one turn: they share the estimate of the publisher's clock, and stay in step with each other by that. */
  #sendReports(nowMs: number): void {
    this.#context.isReportDue = false
    this.#nextReportMs = nowMs + reportIntervalMs
    for (const track of this.tracks) if (track.packets > 0) this.#sendReport(track, nowMs, false)
  }

  /** A sender report with its CNAME, and a goodbye behind it. */
  #sendReport(track: SendTrack, nowMs: number, withBye: boolean): void {
    const writer = this.#writer
    const unixMs = nowMs + this.#wallClockOffsetMs
    writer.reset()
    writer.senderReport(
      track.ssrc,
      ntpSecondsOf(unixMs),
      ntpFractionOf(unixMs),
      track.timestampAt(nowMs),
      track.packets,
      track.octets,
    )
    writer.sourceDescription(track.ssrc, track.played.cname)
    if (withBye) writer.bye(track.ssrc)
    this.#context.sink.sendRtcp(writer.bytes, writer.length)
  }
}

/** The first of the publisher's m-sections that has the track's codec and feeds no other track. */
function matchingTrack(publisher: Publisher, track: SendTrack, taken: ReadonlySet<number>): number {
  const { codec } = track.played
  return publisher.tracks.findIndex((candidate, index) => candidate.codec === codec && !taken.has(index))
}
