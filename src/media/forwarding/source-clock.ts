/** Which RTP timestamp of a source belongs to which moment, so that viewers can keep audio and video together (RFC 3550 section 6.4.1). */
import { addTimestamp, timestampDistance } from '../rtp/sequence-number.ts'

/** Clocks of computers differ by less than 100 parts per million. */
const maxDrift = 100e-6
/** A greater difference is a clock that was set. */
const clockStepMs = 1_000
/** A sender report must be about what is being sent now; some peers' are not. */
const maxReportDistanceMs = 10_000
/** Timestamps that move against arrival by more than this were set anew: what was known of them is void. */
const timestampStepMs = 3_000
/** What a report may differ from arrival. More is a publisher whose tracks' reports do not share one clock, and worse than none. */
const maxReportErrorMs = 2_000
/** The fastest packet of the last one to two windows shows the path's delay. */
const delayWindowMs = 5_000

/**
 * How a publisher's NTP clock and ours (monotonic) relate: shared by its tracks, so that an error of it moves all of them alike and they
 * stay together. The report that was least delayed tells it best.
 */
export class PublisherClock {
  /** Our clock minus the publisher's, in milliseconds; NaN before the first report. */
  offsetMs = NaN
  #atMs = 0

  addReport(ntpMs: number, nowMs: number): void {
    const offsetMs = nowMs - ntpMs
    const risen = this.offsetMs + (nowMs - this.#atMs) * maxDrift
    const isStep = !(Math.abs(offsetMs - this.offsetMs) < clockStepMs)
    this.offsetMs = isStep || offsetMs < risen ? offsetMs : risen
    this.#atMs = nowMs
  }
}

export class SourceClock {
  readonly #ticksPerMs: number
  readonly #publisher: PublisherClock
  #reportTimestamp = 0
  /** The publisher's NTP time in ms; NaN while there is no report. */
  #reportNtpMs = NaN
  #firstTimestamp = 0
  #lastTimestamp = 0
  /** Since the first timestamp, unwrapped. */
  #ticks = 0
  #hasPackets = false
  /** Lowest (arrival time - media time), now and in the last window. */
  #delayMs = Infinity
  #previousDelayMs = Infinity
  #windowStartMs = 0

  constructor(clockRate: number, publisher: PublisherClock) {
    this.#ticksPerMs = clockRate / 1000
    this.#publisher = publisher
  }

  /** Takes note of a packet that came directly: repaired ones tell nothing about the delay. */
  receive(timestamp: number, nowMs: number): void {
    if (!this.#hasPackets) {
      this.#hasPackets = true
      this.#firstTimestamp = timestamp
      this.#windowStartMs = nowMs
    } else {
      this.#ticks += timestampDistance(this.#lastTimestamp, timestamp)
    }
    this.#lastTimestamp = timestamp
    const delayMs = nowMs - this.#ticks / this.#ticksPerMs
    if (Math.abs(delayMs - this.#delayMs) > timestampStepMs) {
      // Also the first packet, whose difference from Infinity is greater than anything.
      this.#delayMs = delayMs
      this.#previousDelayMs = Infinity
      this.#reportNtpMs = NaN
    }
    if (nowMs - this.#windowStartMs > delayWindowMs) {
      this.#windowStartMs = nowMs
      this.#previousDelayMs = this.#delayMs
      this.#delayMs = delayMs
    } else if (delayMs < this.#delayMs) this.#delayMs = delayMs
  }

  /** `ntpMs` is a sender report's NTP time in milliseconds. Reports that do not fit the packets are ignored. */
  receiveReport(timestamp: number, ntpMs: number, nowMs: number): void {
    if (!this.#hasPackets) return
    const distanceMs = Math.abs(timestampDistance(this.#lastTimestamp, timestamp)) / this.#ticksPerMs
    if (distanceMs > maxReportDistanceMs) return
    this.#publisher.addReport(ntpMs, nowMs)
    this.#reportTimestamp = timestamp
    this.#reportNtpMs = ntpMs
  }

  /** The timestamp of what is captured at `nowMs`: by the last report, or by packets' arrival where there is none to be believed. */
  timestampAt(nowMs: number): number {
    if (!this.#hasPackets) return 0
    const sinceFirstMs = nowMs - Math.min(this.#delayMs, this.#previousDelayMs)
    const byArrival = addTimestamp(this.#firstTimestamp, Math.round(sinceFirstMs * this.#ticksPerMs))
    const sinceReportMs = nowMs - (this.#reportNtpMs + this.#publisher.offsetMs)
    if (Number.isNaN(sinceReportMs)) return byArrival
    const byReport = addTimestamp(this.#reportTimestamp, Math.round(sinceReportMs * this.#ticksPerMs))
    const differenceMs = Math.abs(timestampDistance(byArrival, byReport)) / this.#ticksPerMs
    return differenceMs > maxReportErrorMs ? byArrival : byReport
  }
}
