/** What a receiver report says of one source: loss and jitter (RFC 3550 section 6.4.1, appendices A.3 and A.8). */
import { timestampDistance, type ExtendedSequenceNumber } from '../rtp/sequence-number.ts'
import { compactNtp, compactNtpOfMs } from '../rtp/ntp-time.ts'

export class ReceiveStatistics {
  readonly #ticksPerMs: number
  #base = -1
  #highest = -1
  #received = 0
  #jitter = 0
  #lastTimestamp = 0
  #lastArrivalMs = 0
  #expectedPrior = 0
  #receivedPrior = 0
  #lastSenderReport = 0
  #lastSenderReportMs = 0

  constructor(clockRate: number) {
    this.#ticksPerMs = clockRate / 1000
  }

  /** Packets as the network delivered them: repaired ones (RTX) do not count. */
  receive(sequence: ExtendedSequenceNumber, timestamp: number, nowMs: number): void {
    this.#received++
    if (this.#highest < 0) {
      this.#base = sequence
      this.#highest = sequence
    } else {
      if (sequence > this.#highest) this.#highest = sequence
      else if (sequence < this.#base) this.#base = sequence
      const difference = (nowMs - this.#lastArrivalMs) * this.#ticksPerMs
      const deviation = Math.abs(difference - timestampDistance(this.#lastTimestamp, timestamp))
      this.#jitter += (deviation - this.#jitter) / 16
    }
    this.#lastTimestamp = timestamp
    this.#lastArrivalMs = nowMs
  }

  receiveSenderReport(ntpSeconds: number, ntpFraction: number, nowMs: number): void {
    this.#lastSenderReport = compactNtp(ntpSeconds, ntpFraction)
    this.#lastSenderReportMs = nowMs
  }

  get hasPackets(): boolean {
    return this.#highest >= 0
  }

  get received(): number {
    return this.#received
  }

  get expected(): number {
    return this.#highest < 0 ? 0 : this.#highest - this.#base + 1
  }

  /** Negative where duplicates arrived (appendix A.3). */
  get cumulativeLost(): number {
    return this.expected - this.#received
  }

  /** Modulo 2^32. */
  get extendedHighestSequenceNumber(): number {
    return this.#highest < 0 ? 0 : this.#highest % 2 ** 32
  }

  /** In RTP ticks. */
  get jitter(): number {
    return Math.min(0xffff_ffff, Math.floor(this.#jitter))
  }

  /** The share lost since the last call, in 1/256 (appendix A.3). */
  takeFractionLost(): number {
    const expected = this.expected - this.#expectedPrior
    const received = this.#received - this.#receivedPrior
    this.#expectedPrior = this.expected
    this.#receivedPrior = this.#received
    const lost = expected - received
    if (expected <= 0 || lost <= 0) return 0
    return Math.min(255, Math.floor((lost * 256) / expected))
  }

  /** LSR: 0 where no sender report came yet. */
  get lastSenderReport(): number {
    return this.#lastSenderReport
  }

  /** DLSR, in 1/65536 s. */
  delaySinceLastSenderReport(nowMs: number): number {
    return this.#lastSenderReport === 0 ? 0 : compactNtpOfMs(nowMs - this.#lastSenderReportMs)
  }
}
