/**
 * Transport-wide congestion feedback in memory (draft-holmer-rmcat-transport-wide-cc-extensions-01 section
 * 3.1).
 */
import { toSequenceNumber, type SequenceNumber } from '../sequence-number.ts'

/**
 * Statuses that one feedback packet may carry here. The field has 16 bits, and 24 bytes can speak of 65,535
 * lost packets; feedback comes every 50 to 250 ms, so this is beyond 30,000 packets per second, and it bounds
 * both memory and the work that one packet can cause.
 */
export const maxFeedbackStatuses = 8192

/** Unit of the reference time, in milliseconds. */
export const referenceTimeUnitMs = 64
/** Units of a delta in one unit of the reference time. */
export const deltasPerReferenceTime = 256
/** Units of a delta in one millisecond. */
export const deltasPerMs = 4

/**
 * Status symbols. 3 is "[Reserved]"; as libwebrtc does we take it for damage, since it leaves open whether a
 * delta follows.
 */
export const notReceived = 0
export const smallDelta = 1
export const largeDelta = 2

/** Symbols in the three kinds of chunk. */
export const maxRunLength = 8191
export const oneBitVectorSymbols = 14
export const twoBitVectorSymbols = 7

/** Feedback as it was read. One object serves every packet: valid only during `onTransportFeedback`. */
export interface TransportFeedback {
  senderSsrc: number
  mediaSsrc: number
  /** Transport-wide sequence number of entry 0. */
  baseSequenceNumber: SequenceNumber
  /** Entries of `received` and `deltas250us` that are valid. */
  packetCount: number
  /**
   * The peer's clock, from which the first delta counts: a multiple of 64 ms that wraps, see
   * `referenceTimeDistanceMs`.
   */
  referenceTimeMs: number
  /** Counts the feedback packets modulo 256. */
  feedbackCount: number
  /** 1 where the packet arrived. */
  readonly received: Uint8Array
  /**
   * Time since the packet that arrived before it (in order of sequence numbers), in units of 250 us; 0 where
   * it did not arrive.
   */
  readonly deltas250us: Int16Array
}

export function createTransportFeedback(): TransportFeedback {
  return {
    senderSsrc: 0,
    mediaSsrc: 0,
    baseSequenceNumber: toSequenceNumber(0),
    packetCount: 0,
    referenceTimeMs: 0,
    feedbackCount: 0,
    received: new Uint8Array(maxFeedbackStatuses),
    deltas250us: new Int16Array(maxFeedbackStatuses),
  }
}

/** How far one reference time is ahead of another in milliseconds; their 24 bits wrap after 12 days. */
export function referenceTimeDistanceMs(fromMs: number, toMs: number): number {
  const units = (toMs - fromMs) / referenceTimeUnitMs
  return ((units << 8) >> 8) * referenceTimeUnitMs
}
