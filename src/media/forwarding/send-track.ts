/** One track on its way to one viewer: whatever sources feed it, the viewer sees one SSRC with continuous numbers and timestamps. */
import type { PlayedTrack } from '../contract.ts'
import { addTimestamp, timestampDistance } from '../rtp/sequence-number.ts'
import { findKeyframeGroup } from './keyframe-group.ts'
import type { ForwardingLimits } from './limits.ts'
import { packetFlags, type PacketStore } from './packet-store.ts'
import { PacketWriter } from './packet-writer.ts'
import { Replay } from './replay.ts'
import { Retransmitter } from './retransmitter.ts'
import type { SendContext } from './send-context.ts'
import { SendHistory } from './send-history.ts'
import type { SourceTrack } from './source-track.ts'

/*
 A source's packets are numbered by its compactor; a viewer's sequence number is that number plus `#sequenceOffset`, its timestamp
 is the source's plus `#timestampOffset`. Both are set when a source starts to feed the track and then stay, so whatever order packets come
 in (late ones, retransmissions), each always gets the same sequence number:

   source A    7  8  9 (10) 11                     (10): lost, 10 may still come
   source B                      500 501 502       offsets set so that B goes on at A's highest + 1
   viewer     30 31 32 (33) 34    35  36  37
 */

/** Below 2^15 a receiver cannot guess the first roll-over wrong when the first packets are swapped (RFC 3711 section 3.3.1). */
const initialSequenceMask = 0x7fff
/** How often a viewer that waits for a keyframe looks whether the last one has become usable: a repair takes a round trip. */
const replayCheckMs = 50
/** A new source's first timestamp is at least so far behind the last one: it is another picture. */
const minTimestampStep = 1

export class SendTrack {
  readonly played: PlayedTrack
  readonly isVideo: boolean
  readonly ssrc: number
  /** Whether the viewer has shown that it knows our SSRC; its MID is not sent any more. */
  isHeard = false
  /** What was sent, retransmissions not included: what a sender report counts. */
  packets = 0
  octets = 0
  keyframes = 0
  /** What the viewer's last report said. */
  readonly reported = { fractionLost: 0, cumulativeLost: 0, jitterMs: 0 }

  readonly #context: SendContext
  readonly #limits: ForwardingLimits
  readonly #payloadType: number
  readonly #writer: PacketWriter
  /** Answers NACKs; undefined where they were not negotiated. */
  readonly retransmitter: Retransmitter | undefined
  /** Only where NACKs are answered without RTX. */
  readonly #history: SendHistory | undefined

  /** The source to be sent; it takes over from `#current` when it can be started. */
  #target: SourceTrack | undefined
  #targetSinceMs = NaN
  #current: SourceTrack | undefined
  /** The source whose keyframe is waited for. */
  #awaited: SourceTrack | undefined
  /** While the viewer catches up with a source, and shortly after. */
  #replay: Replay | undefined
  #nextReplayCheckMs = -Infinity
  #isActive = false
  #hasSent = false
  #firstNumber = 0
  #sequenceOffset = 0
  #timestampOffset: number
  #highestSequence: number
  #lastTimestamp = 0
  #keyframeTimestamp = -1
  /** The viewer's timestamp at a moment, for when no source tells the time. */
  #anchorTimestamp = 0
  #anchorMs = 0

  constructor(played: PlayedTrack, context: SendContext, random: () => number, limits: ForwardingLimits) {
    const { feedback } = played
    this.played = played
    this.isVideo = played.kind === 'video'
    this.ssrc = played.ssrc
    this.#context = context
    this.#limits = limits
    this.#payloadType = played.payloadType
    this.#writer = new PacketWriter(played, context)
    if (feedback.nack) {
      const hasRtx = played.rtxSsrc !== undefined && played.rtxPayloadType !== undefined
      if (!hasRtx) this.#history = new SendHistory()
      this.retransmitter = new Retransmitter(played, context, this.#writer, this.#history, random)
    }
    this.#highestSequence = random() & initialSequenceMask
    this.#timestampOffset = random() >>> 0
  }

  /** The source that is being forwarded. */
  get source(): SourceTrack | undefined {
    return this.#current
  }

  /** The viewer can be sent to from now on. */
  start(nowMs: number): void {
    this.#isActive = true
    this.#awaitKeyframeOfTarget(nowMs)
  }

  /** Nothing is sent any more. */
  stop(): void {
    this.#isActive = false
    this.#stopWaiting()
    this.#current = undefined
    this.#replay = undefined
    this.#target = undefined
  }

  /** Which source to send; undefined for none. A video source takes over with its next keyframe, an audio source at once. */
  setTarget(target: SourceTrack | undefined, nowMs: number): void {
    if (target === this.#target) return
    this.#target = target
    this.#targetSinceMs = NaN
    if (this.#awaited !== target) this.#stopWaiting()
    this.#awaitKeyframeOfTarget(nowMs)
  }

  /** The source being forwarded has ended. Called before its successor is set. */
  endSource(nowMs: number): void {
    this.#setAnchor(nowMs)
    this.#current = undefined
    this.#replay = undefined
  }

  /** The publisher has ended: what it sent cannot be sent again. */
  forgetSources(): void {
    this.retransmitter?.clear()
  }

  /** The highest extended sequence number that the viewer was sent. */
  get highestSequence(): number {
    return this.#highestSequence
  }

  /** The viewer has lost its picture. */
  requestKeyframe(nowMs: number): void {
    if (!this.isVideo || this.#awaited !== undefined) return
    this.#await(this.#current ?? this.#target, nowMs)
  }

  /** Sends the packet in `slot` of `source`, if this track is fed by it. */
  forward(source: SourceTrack, slot: number, nowMs: number): void {
    if (source !== this.#current) {
      if (source !== this.#target || !this.#isActive) return
      if (this.#mayStart(source, slot, nowMs)) this.#startSource(source, slot, nowMs)
      else if (nowMs >= this.#nextReplayCheckMs) this.#tryReplay(source, nowMs)
      return
    }
    const number = source.store.numbers[slot]!
    // Older than the keyframe that the viewer started with: its place in the viewer's numbers is taken.
    if (number < this.#firstNumber) return
    // The replay gets to it in its turn.
    if (this.#replay !== undefined && !this.#replay.isDone && number >= this.#replay.nextNumber) return
    this.#send(source, slot, number)
  }

  /** When `catchUp` is to be called next; Infinity where there is nothing to catch up with. */
  get nextCatchUpMs(): number {
    return this.#replay === undefined ? Infinity : this.#replay.nextMs
  }

  /** Sends what is due of the packets since the last keyframe to a viewer that has just joined. */
  catchUp(nowMs: number): void {
    const replay = this.#replay
    if (replay === undefined || nowMs < replay.nextMs) return
    if (replay.isDone) {
      // What is so late has no timestamp any more.
      this.#firstNumber = replay.nextNumber
      this.#replay = undefined
      return
    }
    replay.refill(nowMs)
    const { source } = replay
    for (let slot = replay.nextSlot(nowMs); slot >= 0; slot = replay.nextSlot(nowMs)) {
      if (!this.#send(source, slot, source.store.numbers[slot]!)) break
      replay.advance(slot)
    }
    if (replay.hasGap) {
      replay.hasGap = false
      this.requestKeyframe(nowMs)
    }
  }

  /** The timestamp (in the viewer's numbers) of `nowMs`, for a sender report. */
  timestampAt(nowMs: number): number {
    if (this.#current === undefined) {
      return addTimestamp(this.#anchorTimestamp, this.#ticks(nowMs - this.#anchorMs))
    }
    return addTimestamp(this.#current.clock.timestampAt(nowMs), this.#timestampOffset)
  }

  #mayStart(source: SourceTrack, slot: number, nowMs: number): boolean {
    if (!this.isVideo) return true
    if ((source.store.flags[slot]! & packetFlags.keyframe) !== 0) return true
    if (source.tellsKeyframes) return false
    if (Number.isNaN(this.#targetSinceMs)) this.#targetSinceMs = nowMs
    return nowMs - this.#targetSinceMs >= this.#limits.unknownKeyframeWaitMs
  }

  /** Starts `source` with the keyframe that it sent last, if that and all since is there. */
  #tryReplay(source: SourceTrack, nowMs: number): boolean {
    // A viewer that has a picture keeps it until the next source's keyframe: no reason to send it twice as much.
    if (!this.isVideo || this.#current !== undefined) return false
    this.#nextReplayCheckMs = nowMs + replayCheckMs
    const group = findKeyframeGroup(source, this.#limits, nowMs)
    if (group === undefined) return false
    const replay = new Replay(source, group, nowMs)
    this.#stopWaiting()
    this.#replay = replay
    this.#context.isCatchingUp = true
    this.#feedFrom(source, group.firstNumber, replay.firstTimestamp, nowMs)
    return true
  }

  #startSource(source: SourceTrack, slot: number, nowMs: number): void {
    const { store } = source
    const trigger = store.numbers[slot]!
    const first = this.isVideo ? source.keyframeStart(slot) : trigger
    this.#replay = undefined
    this.#feedFrom(source, first, store.timestamps[slot]!, nowMs)
    // Packets of the keyframe that came before its first one were passed over; they follow now.
    const ordinal = store.arrivalOrdinals[slot]!
    for (let number = first; number <= store.highestNumber; number++) {
      const held = store.find(number)
      if (held >= 0 && store.arrivalOrdinals[held]! <= ordinal) this.#send(source, held, number)
    }
  }

  /** From now on the viewer's numbers and timestamps are those of `source` from packet `first`, with `timestamp`, on. */
  #feedFrom(source: SourceTrack, first: number, timestamp: number, nowMs: number): void {
    if (!this.#hasSent) {
      // The random number chosen at first is the timestamp that the viewer sees first.
      this.#timestampOffset = addTimestamp(this.#timestampOffset, -timestamp)
      this.#hasSent = true
    } else {
      if (this.#current !== undefined) this.#setAnchor(nowMs)
      const viewerNow = addTimestamp(this.#anchorTimestamp, this.#ticks(nowMs - this.#anchorMs))
      this.#timestampOffset = addTimestamp(viewerNow, -source.clock.timestampAt(nowMs))
      const step = timestampDistance(this.#lastTimestamp, addTimestamp(timestamp, this.#timestampOffset))
      if (step < minTimestampStep) {
        this.#timestampOffset = addTimestamp(this.#timestampOffset, minTimestampStep - step)
      }
    }
    if (this.isVideo)
      this.#sendParameterSets(source, first, addTimestamp(timestamp, this.#timestampOffset), nowMs)
    this.#sequenceOffset = this.#highestSequence + 1 - first
    this.retransmitter?.addSegment(
      source.store,
      first,
      this.#sequenceOffset,
      this.#timestampOffset,
      this.#replay,
    )
    this.#firstNumber = first
    this.#current = source
    this.#context.isReportDue = true
  }

  /** A keyframe without its parameter sets is of no use to a viewer who has not seen any. */
  #sendParameterSets(source: SourceTrack, first: number, timestamp: number, nowMs: number): void {
    const packets = source.parameterSetsFor(first, nowMs)
    if (packets === undefined) return
    const { store, firstNumber, count } = packets
    const sequenceOffset = this.#highestSequence + 1 - firstNumber
    this.retransmitter?.addSegment(store, firstNumber, sequenceOffset, timestamp, undefined)
    for (let number = firstNumber; number < firstNumber + count; number++) {
      this.#sendAs(store, store.find(number), number + sequenceOffset, timestamp)
    }
  }

  /** The packet path: once per packet and viewer. False where it could not be sent. */
  #send(source: SourceTrack, slot: number, number: number): boolean {
    const { store } = source
    let sourceTimestamp = store.timestamps[slot]!
    if (this.#replay !== undefined) {
      sourceTimestamp = this.#replay.timestampOf(number, sourceTimestamp)
      if (sourceTimestamp < 0) return false
    }
    const timestamp = addTimestamp(sourceTimestamp, this.#timestampOffset)
    if (!this.#sendAs(store, slot, number + this.#sequenceOffset, timestamp)) return false
    if ((store.flags[slot]! & packetFlags.keyframe) !== 0) this.#noteKeyframe(source, timestamp)
    return true
  }

  #sendAs(store: PacketStore, slot: number, sequence: number, timestamp: number): boolean {
    if (sequence > this.#highestSequence) {
      this.#highestSequence = sequence
      this.#lastTimestamp = timestamp
    }
    const context = this.#context
    const { transportSequence, absoluteSendTime } = context
    const withMid = !this.isHeard
    const sentBytes = this.#writer.send(
      store,
      slot,
      this.ssrc,
      this.#payloadType,
      sequence,
      timestamp,
      -1,
      transportSequence,
      absoluteSendTime,
      withMid,
    )
    if (sentBytes === 0) return false
    context.transportSequence = (transportSequence + 1) & 0xffff
    if (this.#history !== undefined) {
      this.#history.record(sequence, timestamp, transportSequence, absoluteSendTime, withMid)
    }
    this.packets++
    this.octets += store.payloadLengths[slot]!
    return true
  }

  #noteKeyframe(source: SourceTrack, timestamp: number): void {
    // Several packets of one keyframe may be marked.
    if (timestamp !== this.#keyframeTimestamp) this.keyframes++
    this.#keyframeTimestamp = timestamp
    if (this.#awaited === source) this.#stopWaiting()
  }

  #setAnchor(nowMs: number): void {
    if (!this.#hasSent) return
    this.#anchorTimestamp = this.timestampAt(nowMs)
    this.#anchorMs = nowMs
  }

  #ticks(elapsedMs: number): number {
    return Math.round((elapsedMs * this.played.clockRate) / 1000)
  }

  #awaitKeyframeOfTarget(nowMs: number): void {
    if (!this.isVideo || !this.#isActive || this.#target === this.#current) return
    if (this.#target !== undefined && this.#tryReplay(this.#target, nowMs)) return
    if (this.#awaited !== this.#target) {
      this.#stopWaiting()
      this.#await(this.#target, nowMs)
    }
  }

  #await(source: SourceTrack | undefined, nowMs: number): void {
    this.#awaited = source
    source?.keyframeRequester.addWaiter(nowMs)
  }

  #stopWaiting(): void {
    this.#awaited?.keyframeRequester.removeWaiter()
    this.#awaited = undefined
  }
}
