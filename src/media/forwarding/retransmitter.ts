/** Answers one viewer's NACKs for one track: by RTX (RFC 4588) where negotiated, else by the same packet again (RFC 4585). */
import type { PlayedTrack } from '../contract.ts'
import {
  addTimestamp,
  extendSequenceNumber,
  toSequenceNumber,
  type ExtendedSequenceNumber,
  type SequenceNumber,
} from '../rtp/sequence-number.ts'
import type { PacketWriter } from './packet-writer.ts'
import { RepetitionLimiter, type RetransmissionBudget } from './retransmission-limiter.ts'
import type { SendContext } from './send-context.ts'
import type { SendHistory } from './send-history.ts'
import type { PacketStore } from './packet-store.ts'
import type { Replay } from './replay.ts'

/** Stores that a track was fed by lately: switches of simulcast layers, each with its parameter sets. A viewer asks for what was sent within the last second. */
const maxSegments = 8
/** As for the media SSRC: no wrong guess of the first roll-over. */
const initialSequenceMask = 0x7fff

/** A run of a viewer's sequence numbers that came from one store. */
interface Segment {
  readonly store: PacketStore
  /** The first sequence number, extended. */
  readonly firstSequence: number
  /** The viewer's sequence number minus the store's number. */
  readonly sequenceOffset: number
  readonly timestampOffset: number
  /** Where the segment began with older packets, which got other timestamps. */
  readonly replay: Replay | undefined
}

export class Retransmitter {
  readonly #played: PlayedTrack
  readonly #context: SendContext
  readonly #writer: PacketWriter
  readonly #history: SendHistory | undefined
  readonly #limiter = new RepetitionLimiter()
  /** Oldest first. */
  readonly #segments: Segment[] = []
  #rtxSequence: number

  /** `history` is what a plain retransmission repeats; undefined where RTX was negotiated. */
  constructor(
    played: PlayedTrack,
    context: SendContext,
    writer: PacketWriter,
    history: SendHistory | undefined,
    random: () => number,
  ) {
    this.#played = played
    this.#context = context
    this.#writer = writer
    this.#history = history
    this.#rtxSequence = random() & initialSequenceMask
  }

  /** From now on the track's packets are those of `store` from `firstNumber` on. */
  addSegment(
    store: PacketStore,
    firstNumber: number,
    sequenceOffset: number,
    timestampOffset: number,
    replay: Replay | undefined,
  ): void {
    if (this.#segments.length === maxSegments) this.#segments.shift()
    const firstSequence = firstNumber + sequenceOffset
    this.#segments.push({ store, firstSequence, sequenceOffset, timestampOffset, replay })
  }

  /** Forgets all sources. */
  clear(): void {
    this.#segments.length = 0
  }

  /** Sends packet `wanted` again, if it is still there and within the bounds. `highestSequence` is the highest one sent, extended. */
  retransmit(
    wanted: SequenceNumber,
    highestSequence: number,
    isHeard: boolean,
    budget: RetransmissionBudget,
    forwardedBytes: number,
    roundTripTimeMs: number,
    nowMs: number,
  ): void {
    const { drops } = this.#context
    const sequence = extendSequenceNumber(highestSequence as ExtendedSequenceNumber, wanted)
    const segment = this.#segmentOf(sequence)
    const store = segment?.store
    const slot = segment === undefined ? -1 : (store?.find(sequence - segment.sequenceOffset) ?? -1)
    if (segment === undefined || store === undefined || slot < 0) {
      return drops.count('retransmission-unavailable')
    }
    // On its way anyway: with the next flush, which must find its number unused.
    if (store.arrivalOrdinals[slot]! >= store.forwardedArrivals) return
    const { replay } = segment
    let sourceTimestamp = store.timestamps[slot]!
    if (replay !== undefined) {
      const number = store.numbers[slot]!
      // The replay gets to it in its turn, and must find its number unused.
      if (!replay.isDone && number >= replay.nextNumber) return
      sourceTimestamp = replay.timestampOf(number, sourceTimestamp)
      if (sourceTimestamp < 0) return drops.count('retransmission-unavailable')
    }
    if (!this.#limiter.mayTake(sequence, roundTripTimeMs, nowMs))
      return drops.count('retransmission-too-soon')
    if (!budget.take(store.payloadLengths[slot]!, forwardedBytes)) return drops.count('retransmission-budget')
    const timestamp = addTimestamp(sourceTimestamp, segment.timestampOffset)
    const sentBytes =
      this.#history === undefined
        ? this.#sendRtx(store, slot, sequence, timestamp, isHeard)
        : this.#sendAgain(this.#history, store, slot, sequence, timestamp, isHeard)
    if (sentBytes === 0) return
    this.#limiter.take(sequence, nowMs)
    this.#context.retransmitted++
  }

  #sendRtx(store: PacketStore, slot: number, sequence: number, timestamp: number, isHeard: boolean): number {
    const context = this.#context
    const sentBytes = this.#writer.send(
      store,
      slot,
      this.#played.rtxSsrc ?? 0,
      this.#played.rtxPayloadType ?? 0,
      this.#rtxSequence,
      timestamp,
      toSequenceNumber(sequence),
      context.transportSequence,
      context.absoluteSendTime,
      !isHeard,
    )
    if (sentBytes === 0) return 0
    this.#rtxSequence++
    context.transportSequence = (context.transportSequence + 1) & 0xffff
    return sentBytes
  }

  #sendAgain(
    history: SendHistory,
    store: PacketStore,
    slot: number,
    sequence: number,
    timestamp: number,
    isHeard: boolean,
  ): number {
    const context = this.#context
    const at = history.find(sequence)
    const isNew = at < 0
    // Sent so long ago that nobody knows how: other bytes under its number must not be sent.
    if (isNew && !history.isUnsent(sequence)) return 0
    const transportSequence = isNew ? context.transportSequence : history.transportSequences[at]!
    const absoluteSendTime = isNew ? context.absoluteSendTime : history.absoluteSendTimes[at]!
    const withMid = isNew ? !isHeard : history.withMid[at] === 1
    const sentTimestamp = isNew ? timestamp : history.timestamps[at]!
    const sentBytes = this.#writer.send(
      store,
      slot,
      this.#played.ssrc,
      this.#played.payloadType,
      sequence,
      sentTimestamp,
      -1,
      transportSequence,
      absoluteSendTime,
      withMid,
    )
    if (sentBytes === 0 || !isNew) return sentBytes
    // Its first time: the viewer's send buffer was full when it came, or it came after its source had been switched away from.
    history.record(sequence, timestamp, transportSequence, absoluteSendTime, withMid)
    context.transportSequence = (context.transportSequence + 1) & 0xffff
    return sentBytes
  }

  #segmentOf(sequence: number): Segment | undefined {
    for (let i = this.#segments.length - 1; i >= 0; i--) {
      const segment = this.#segments[i]!
      if (sequence >= segment.firstSequence) return segment
    }
    return undefined
  }
}
