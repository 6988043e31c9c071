/** What a viewer's RTCP says: reports, NACK, keyframe requests, bandwidth. Acts on it, and keeps what is wanted for statistics. */
import { compactNtp, ntpFractionOf, ntpSecondsOf, roundTripTimeMs } from '../rtp/ntp-time.ts'
import type { RtcpHandler, TransportFeedback } from '../rtp/rtcp.ts'
import { toSequenceNumber, type SequenceNumber } from '../rtp/sequence-number.ts'
import type { ForwardingLimits } from './limits.ts'
import { RetransmissionBudget } from './retransmission-limiter.ts'
import type { SendTrack } from './send-track.ts'

/** Until a report has shown the real one. */
const defaultRoundTripTimeMs = 50
/** Weight of a new sample, as in TCP (RFC 6298 section 2). */
const roundTripTimeGain = 1 / 8
const nackBitmaskBits = 16

export class ViewerFeedback implements RtcpHandler {
  /** When the RTCP that is being read came; set before each. */
  nowMs = 0
  roundTripTimeMs = defaultRoundTripTimeMs
  hasRoundTripTime = false
  /** Packets asked for again. */
  nacks = 0
  /** PLI and FIR. */
  keyframeRequests = 0
  /** What REMB last said, in bits per second; Infinity before. */
  maximumBitrate = Infinity
  transportFeedbacks = 0
  /** Packets that transport-wide feedback has reported as received, and as lost. */
  feedbackReceived = 0
  feedbackLost = 0

  readonly #tracks: readonly SendTrack[]
  readonly #budget: RetransmissionBudget
  readonly #wallClockOffsetMs: number
  readonly #bye: () => void
  #lastFullIntraRequest = -1

  constructor(
    tracks: readonly SendTrack[],
    limits: ForwardingLimits,
    wallClockOffsetMs: number,
    bye: () => void,
  ) {
    this.#tracks = tracks
    this.#budget = new RetransmissionBudget(limits.retransmissionShare, limits.retransmissionBurstBytes)
    this.#wallClockOffsetMs = wallClockOffsetMs
    this.#bye = bye
  }

  onReportBlock(
    _reporterSsrc: number,
    ssrc: number,
    fractionLost: number,
    cumulativeLost: number,
    _extendedHighestSequenceNumber: number,
    jitter: number,
    lastSenderReport: number,
    delaySinceLastSenderReport: number,
  ): void {
    const track = this.#trackOf(ssrc)
    if (track === undefined) return
    track.isHeard = true
    track.reported.fractionLost = fractionLost / 256
    track.reported.cumulativeLost = cumulativeLost
    track.reported.jitterMs = (jitter * 1000) / track.played.clockRate
    const unixMs = this.nowMs + this.#wallClockOffsetMs
    const nowCompact = compactNtp(ntpSecondsOf(unixMs), ntpFractionOf(unixMs))
    const sampleMs = roundTripTimeMs(nowCompact, lastSenderReport, delaySinceLastSenderReport)
    if (sampleMs >= 0) this.#noteRoundTripTime(sampleMs)
  }

  onNack(mediaSsrc: number, packetId: SequenceNumber, lostPacketsBitmask: number): void {
    const track = this.#trackOf(mediaSsrc)
    if (track?.retransmitter === undefined) return
    track.isHeard = true
    this.#retransmit(track, packetId)
    for (let bit = 0; bit < nackBitmaskBits; bit++) {
      if ((lostPacketsBitmask & (1 << bit)) !== 0) {
        this.#retransmit(track, toSequenceNumber(packetId + bit + 1))
      }
    }
  }

  onPictureLossIndication(mediaSsrc: number): void {
    const track = this.#trackOf(mediaSsrc)
    if (track === undefined) return
    this.keyframeRequests++
    track.isHeard = true
    track.requestKeyframe(this.nowMs)
  }

  onFullIntraRequest(mediaSsrc: number, commandSequenceNumber: number): void {
    const track = this.#trackOf(mediaSsrc)
    // "A repetition of the same request" has the same number (RFC 5104 section 4.3.1.2).
    if (track === undefined || commandSequenceNumber === this.#lastFullIntraRequest) return
    this.#lastFullIntraRequest = commandSequenceNumber
    this.keyframeRequests++
    track.isHeard = true
    track.requestKeyframe(this.nowMs)
  }

  onReceiverEstimatedMaximumBitrate(bitsPerSecond: number): void {
    this.maximumBitrate = bitsPerSecond
  }

  onTransportFeedback(feedback: TransportFeedback): void {
    this.transportFeedbacks++
    let received = 0
    for (let i = 0; i < feedback.packetCount; i++) received += feedback.received[i]!
    this.feedbackReceived += received
    this.feedbackLost += feedback.packetCount - received
  }

  onBye(ssrc: number): void {
    // One that receives only has an SSRC of its own, which nobody told us: any goodbye is the viewer's.
    if (this.#trackOf(ssrc) === undefined) this.#bye()
  }

  onSenderReport(): void {
    // A viewer sends no media.
  }

  #retransmit(track: SendTrack, sequence: SequenceNumber): void {
    this.nacks++
    let forwardedBytes = 0
    for (const { octets } of this.#tracks) forwardedBytes += octets
    track.retransmitter?.retransmit(
      sequence,
      track.highestSequence,
      track.isHeard,
      this.#budget,
      forwardedBytes,
      this.roundTripTimeMs,
      this.nowMs,
    )
  }

  #trackOf(ssrc: number): SendTrack | undefined {
    for (const track of this.#tracks) if (track.ssrc === ssrc) return track
    return undefined
  }

  #noteRoundTripTime(sampleMs: number): void {
    if (this.hasRoundTripTime) {
      this.roundTripTimeMs += (sampleMs - this.roundTripTimeMs) * roundTripTimeGain
    } else {
      this.roundTripTimeMs = sampleMs
      this.hasRoundTripTime = true
    }
  }
}
