/** A viewer's way through the packets since the last keyframe, faster than they came, until it has caught up with what is live. */
import { addTimestamp, timestampDistance } from '../rtp/sequence-number.ts'
import { repairWaitMs, type KeyframeGroup } from './keyframe-group.ts'
import type { SourceTrack } from './source-track.ts'

/*
 A player shows a picture when its timestamp says so. Pictures of the last four seconds, sent at once with the timestamps that they came with,
 would be shown over four seconds, and the player would stay behind by as much. So each replayed picture gets a timestamp as if it had
 just been captured: that of the newest picture at the moment when it is sent, less one tick for each packet in between. To the player's jitter
 buffer they look like a stream of very many pictures per second without jitter; it decodes them as they come, and is live with the
 last of them. From the newest picture on, timestamps are the source's own:

   came with        0  3000  6000  ...  357000 | 360000  363000
   is sent with   359880  359881  ...   359999 | 360000  363000        (and higher, when newer pictures come during the replay)
 */

/** How long a replay should take: viewers do not notice, and common links do not lose. */
const replayMs = 400
/** As a multiple of the group's own bit rate: below 2 it would hardly catch up. */
const minSpeed = 3
/** Bytes per ms. 8 Mbit/s: what nearly every link takes for a moment. */
const minBytesPerMs = 1_000
/** Bytes per ms. 50 Mbit/s: more than links of homes take, and a viewer's share of what the gateway's does. */
const maxBytesPerMs = 6_250
/** What may be sent at once: a timer that comes late must not make a burst of it. */
const maxBurstMs = 15
/** What is sent at the very start, in bytes: most keyframes, so that the first picture does not wait for the pacer. */
const initialBurstBytes = 32 * 1024
/** How often the pacer runs. */
const tickMs = 5
/** Replayed packets are asked for again, or come late, within this time; then their timestamps are forgotten. */
const memoryMs = 2_000

export class Replay {
  readonly source: SourceTrack
  readonly #bytesPerMs: number
  #allowanceBytes = initialBurstBytes
  #refilledMs: number
  /** The next packet to be sent; behind the last one when the replay is done. */
  #next: number
  #isDone = false
  /** When to call again: the pacer's next turn, or when it may be forgotten. */
  nextMs: number
  /** A packet is missing for good. */
  hasGap = false
  /** What pictures came with, and were sent with, in the order sent. */
  readonly #original: number[] = []
  readonly #replayed: number[] = []

  constructor(source: SourceTrack, group: KeyframeGroup, nowMs: number) {
    const { store } = source
    this.source = source
    this.#next = group.firstNumber
    this.#refilledMs = nowMs
    this.nextMs = nowMs
    const ageMs = Math.max(1, nowMs - store.arrivalsMs[store.find(group.firstNumber)]!)
    const wanted = Math.max(group.bytes / replayMs, (minSpeed * group.bytes) / Math.max(replayMs, ageMs))
    this.#bytesPerMs = Math.min(maxBytesPerMs, Math.max(minBytesPerMs, wanted))
  }

  /** Whether all has been sent: the viewer is live. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** Packets below this have been sent, or left out for good. */
  get nextNumber(): number {
    return this.#next
  }

  /** The timestamp, as the source would count it, that the first packet gets. */
  get firstTimestamp(): number {
    return this.#timestampNow(this.source.store.find(this.#next))
  }

  /** The pacer's turn. */
  refill(nowMs: number): void {
    const elapsedMs = nowMs - this.#refilledMs
    this.#refilledMs = nowMs
    // What was granted at the start stays.
    const most = Math.max(this.#allowanceBytes, this.#bytesPerMs * maxBurstMs)
    this.#allowanceBytes = Math.min(most, this.#allowanceBytes + elapsedMs * this.#bytesPerMs)
    this.nextMs = nowMs + tickMs
  }

  /** The slot of the packet to be sent now; -1 where the pacer, a repair or the next flush is to be waited for, or all is done. */
  nextSlot(nowMs: number): number {
    const { store } = this.source
    while (!this.#isDone) {
      const slot = store.find(this.#next)
      if (slot >= 0 && store.arrivalOrdinals[slot]! < store.forwardedArrivals) {
        if (this.#allowanceBytes <= 0) return -1
        this.#noteTimestamp(slot)
        return slot
      }
      const after = this.#nextForwarded()
      if (after < 0) {
        // All that is left comes with the next flush.
        this.#isDone = true
        this.nextMs = nowMs + memoryMs
      } else {
        if (slot >= 0 || nowMs - store.arrivalsMs[after]! < repairWaitMs) return -1
        this.hasGap = true
        this.#next = store.numbers[after]!
      }
    }
    return -1
  }

  /** The packet in `slot` has been sent. */
  advance(slot: number): void {
    this.#allowanceBytes -= this.source.store.payloadLengths[slot]!
    this.#next++
  }

  /** The timestamp, as the source would count it, for packet `number`; -1 where it must not be sent now, or not any more. */
  timestampOf(number: number, timestamp: number): number {
    // The rest of a picture that the replay has begun is still to be like its beginning.
    if (this.#isDone && number >= this.#next && timestamp !== this.#original.at(-1)) return timestamp
    return this.#replayedOf(timestamp)
  }

  #replayedOf(timestamp: number): number {
    const at = this.#original.lastIndexOf(timestamp)
    return at < 0 ? -1 : this.#replayed[at]!
  }

  /** The slot of the first packet behind `#next` that viewers have been sent already, or -1. */
  #nextForwarded(): number {
    const { store } = this.source
    for (let number = this.#next + 1; number <= store.highestNumber; number++) {
      const slot = store.find(number)
      if (slot >= 0 && store.arrivalOrdinals[slot]! < store.forwardedArrivals) return slot
    }
    return -1
  }

  #noteTimestamp(slot: number): void {
    const timestamp = this.source.store.timestamps[slot]!
    if (this.#original.lastIndexOf(timestamp) >= 0) return
    const last = this.#replayed.at(-1)
    let replayed = this.#timestampNow(slot)
    if (last !== undefined && timestampDistance(last, replayed) < 1) replayed = addTimestamp(last, 1)
    this.#original.push(timestamp)
    this.#replayed.push(replayed)
  }

  #timestampNow(slot: number): number {
    const { store } = this.source
    const newest = store.timestamps[store.find(store.highestNumber)]!
    if (store.timestamps[slot] === newest) return newest
    return addTimestamp(newest, store.numbers[slot]! - store.highestNumber)
  }
}
