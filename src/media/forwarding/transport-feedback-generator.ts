/** Tells a publisher when each of its packets arrived (draft-holmer-rmcat-transport-wide-cc-extensions-01), from which it estimates bandwidth. */
import type { RtcpWriter } from '../rtp/rtcp.ts'
import {
  extendSequenceNumber,
  toSequenceNumber,
  type ExtendedSequenceNumber,
  type SequenceNumber,
} from '../rtp/sequence-number.ts'

/** A power of two; 2,048 packets are 100 ms of 200 Mbit/s. */
const windowPackets = 2_048
const windowMask = windowPackets - 1
/** libwebrtc's range is 50 to 250 ms; its estimate rises fastest at the lower end. */
const minIntervalMs = 50
const maxIntervalMs = 100
/** With more arrivals than this the shorter interval is used, so that one datagram holds the feedback. */
const busyPackets = 100
const referenceTimeUnitMs = 64

export class TransportFeedbackGenerator {
  /** When packet n arrived, at n modulo the window; NaN where it did not. Holds the last `windowPackets` numbers up to `#highest`. */
  readonly #arrivalsMs = new Float64Array(windowPackets).fill(NaN)
  readonly #batch = new Float64Array(windowPackets)
  /** First number that the next feedback reports on. */
  #base = 0
  #highest = -1
  /** Packets that came since they were last reported on. */
  #pending = 0
  #firstPendingMs = 0
  #lastSentMs = -Infinity
  #feedbackCount = 0

  receive(sequence: SequenceNumber, nowMs: number): void {
    // One turn up, so that packets before the first have numbers too.
    const isFirst = this.#highest < 0
    const number = isFirst
      ? 0x10000 + sequence
      : extendSequenceNumber(this.#highest as ExtendedSequenceNumber, sequence)
    const ahead = number - this.#highest
    if (isFirst || ahead >= windowPackets) {
      // A jump: reporting all of it as lost would say nothing.
      this.#arrivalsMs.fill(NaN)
      this.#base = number
      this.#highest = number
      this.#pending = 0
    } else if (ahead > 0) {
      while (this.#highest < number) this.#arrivalsMs[++this.#highest & windowMask] = NaN
      if (this.#base <= number - windowPackets) this.#base = number - windowPackets + 1
    } else {
      if (ahead <= -windowPackets || !Number.isNaN(this.#arrivalsMs[number & windowMask]!)) return
      // Late, and reported as lost: reported again from there, so that its sender learns of it before it gives it up.
      if (number < this.#base) this.#base = number
    }
    this.#arrivalsMs[number & windowMask] = nowMs
    if (this.#pending++ === 0) this.#firstPendingMs = nowMs
  }

  /** When feedback is due; Infinity where nothing came since the last one. */
  get nextTimeoutMs(): number {
    if (this.#pending === 0) return Infinity
    const intervalMs = this.#pending > busyPackets ? minIntervalMs : maxIntervalMs
    return Math.max(this.#firstPendingMs, this.#lastSentMs + intervalMs)
  }

  /**
   * Appends one feedback packet to an empty `writer`. Called again for a datagram of its own until it returns false: there is no more.
   */
  write(writer: RtcpWriter, senderSsrc: number, mediaSsrc: number, nowMs: number): boolean {
    if (this.#pending === 0) return false
    this.#lastSentMs = nowMs
    const count = this.#highest - this.#base + 1
    let firstArrivalMs = NaN
    for (let i = 0; i < count; i++) {
      const arrivalMs = this.#arrivalsMs[(this.#base + i) & windowMask]!
      this.#batch[i] = arrivalMs
      if (Number.isNaN(firstArrivalMs)) firstArrivalMs = arrivalMs
    }
    const covered = writer.transportFeedback(
      senderSsrc,
      mediaSsrc,
      this.#feedbackCount,
      toSequenceNumber(this.#base),
      Math.floor(firstArrivalMs / referenceTimeUnitMs),
      this.#batch,
      count,
    )
    this.#pending = 0
    if (covered === 0) {
      this.#base = this.#highest + 1
      return false
    }
    this.#feedbackCount = (this.#feedbackCount + 1) & 0xff
    this.#base += covered
    for (let i = covered; i < count; i++) if (!Number.isNaN(this.#batch[i]!)) this.#pending++
    return true
  }
}
