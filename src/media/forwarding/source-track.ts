/** One encoding that a publisher sends (one SSRC): its packets, what is missing of them, its clock and its keyframes. */
import type { PublishedTrack } from '../contract.ts'
import { detectKeyframe } from '../rtp/payload/keyframe.ts'
import { unixMsOfNtp } from '../rtp/ntp-time.ts'
import type { HeaderExtensionReader } from '../rtp/header-extensions.ts'
import type { RtpHeader } from '../rtp/rtp-header.ts'
import {
  extendSequenceNumber,
  type ExtendedSequenceNumber,
  type SequenceNumber,
} from '../rtp/sequence-number.ts'
import type { DropCounters } from './drop-reason.ts'
import { ExtensionCollector } from './forwardable-extensions.ts'
import { keyframeRequestMethod, KeyframeRequester } from './keyframe-requester.ts'
import type { ForwardingLimits } from './limits.ts'
import { maxNackableJump, NackGenerator } from './nack-generator.ts'
import { packetFlags, PacketStore, storeFailure } from './packet-store.ts'
import { ParameterSetCache, type ParameterSetPackets } from './parameter-set-cache.ts'
import type { PacketMemoryPool } from './ports.ts'
import { ReceiveStatistics } from './receive-statistics.ts'
import { SequenceCompactor } from './sequence-compactor.ts'
import { SourceBitrate } from './source-bitrate.ts'
import { type PublisherClock, SourceClock } from './source-clock.ts'

/** Lost packets in front of a keyframe's first known packet that may belong to it: parameter sets, at most. */
const maxLostInFrontOfKeyframe = 16

export class SourceTrack {
  /** Among all encodings of the publisher. */
  readonly index: number
  /** Of its m-section. */
  readonly trackIndex: number
  readonly track: PublishedTrack
  readonly isVideo: boolean
  ssrc: number
  readonly store: PacketStore
  readonly clock: SourceClock
  readonly keyframeRequester: KeyframeRequester
  readonly statistics: ReceiveStatistics
  readonly nackGenerator: NackGenerator | undefined
  readonly bitrate = new SourceBitrate()
  readonly #compactor = new SequenceCompactor()
  readonly #extensions: ExtensionCollector
  readonly #drops: DropCounters
  /** H.264 and H.265 may send them in packets of their own; in other formats the packet that tells of a keyframe is its first. */
  readonly #parameterSets: ParameterSetCache | undefined
  #highest = -1
  #lowestNumber = -1
  /** Whether a payload has ever told if it starts a keyframe. */
  tellsKeyframes = false
  keyframes = 0
  #keyframeTimestamp = -1
  /** Packets that came by RTX and were missing indeed. */
  repaired = 0
  /** What the last repair showed, in ms; -1 if nothing yet. The publisher takes it. */
  roundTripSampleMs = -1

  constructor(
    index: number,
    trackIndex: number,
    track: PublishedTrack,
    ssrc: number,
    clock: PublisherClock,
    pool: PacketMemoryPool,
    limits: ForwardingLimits,
    drops: DropCounters,
  ) {
    this.index = index
    this.trackIndex = trackIndex
    this.track = track
    this.isVideo = track.kind === 'video'
    this.ssrc = ssrc
    const storeBytes = this.isVideo ? limits.packetStoreBytes : limits.audioPacketStoreBytes
    this.store = new PacketStore(pool, storeBytes, limits.packetStoreMs)
    this.clock = new SourceClock(track.clockRate, clock)
    this.keyframeRequester = new KeyframeRequester(
      this.isVideo ? keyframeRequestMethod(track.feedback) : 'none',
      limits.keyframeRequestIntervalMs,
      limits.maxKeyframeRequestIntervalMs,
    )
    this.statistics = new ReceiveStatistics(track.clockRate)
    this.nackGenerator = track.feedback.nack ? new NackGenerator() : undefined
    this.#extensions = new ExtensionCollector(track.extensions)
    this.#drops = drops
    this.#parameterSets = ParameterSetCache.of(track.codec, pool, track.parameterSets)
  }

  get hasPackets(): boolean {
    return this.#highest >= 0
  }

  /** Packets that were lost on their way and have not come by RTX either. */
  get unrepaired(): number {
    return Math.max(0, this.statistics.cumulativeLost - this.repaired)
  }

  /** The extended number of an original sequence number as RTX carries it. */
  extend(sequence: SequenceNumber): ExtendedSequenceNumber {
    return extendSequenceNumber(this.#highest as ExtendedSequenceNumber, sequence)
  }

  /**
   * Takes one packet, padding stripped and RTX unwrapped (`isRepair`). Returns its slot in the store, from where it is to be forwarded,
   * or -1 where there is nothing to forward.
   */
  receive(
    bytes: Uint8Array,
    header: RtpHeader,
    extensions: HeaderExtensionReader,
    sequence: ExtendedSequenceNumber,
    isRepair: boolean,
    nowMs: number,
  ): number {
    if (!isRepair) {
      this.statistics.receive(sequence, header.timestamp, nowMs)
      if (sequence > this.#highest) this.clock.receive(header.timestamp, nowMs)
      this.bitrate.receive(header.headerLength + header.payloadLength, nowMs)
    }
    if (this.nackGenerator !== undefined) {
      const sampleMs = this.nackGenerator.receive(sequence, nowMs)
      if (sampleMs >= 0) this.roundTripSampleMs = sampleMs
    }

    const highest = this.#highest
    if (sequence > highest) {
      // Viewers need not see a jump: nothing of it will ever come.
      if (highest >= 0 && sequence - highest > maxNackableJump) {
        this.#compactor.leaveOutRange(
          (highest + 1) as ExtendedSequenceNumber,
          (sequence - 1) as ExtendedSequenceNumber,
        )
      }
      this.#highest = sequence
    }
    if (header.payloadLength === 0 && this.#compactor.leaveOut(sequence)) {
      this.#drops.count('padding-only')
      return -1
    }
    const number = this.#compactor.number(sequence)
    if (number === -1) {
      this.#drops.count('too-late')
      return -1
    }

    let flags = 0
    if (this.isVideo && header.payloadLength > 0) {
      const verdict = detectKeyframe(this.track.codec, bytes, header.payloadOffset, header.payloadLength)
      if (verdict !== 'unknown') this.tellsKeyframes = true
      if (verdict === 'yes') flags |= packetFlags.keyframe
      this.#parameterSets?.note(bytes, header.payloadOffset, header.payloadLength)
    }
    this.#extensions.collect(bytes, extensions)
    if (this.#extensions.needsTwoByteForm) flags |= packetFlags.twoByteExtensions
    const slot = this.store.put(
      number,
      bytes,
      header,
      this.#extensions.elements,
      this.#extensions.length,
      flags,
      nowMs,
    )
    if (slot < 0) {
      this.#countFailure(slot)
      return -1
    }
    if (isRepair) this.repaired++
    if (this.#lowestNumber < 0 || number < this.#lowestNumber) this.#lowestNumber = number
    if ((flags & packetFlags.keyframe) !== 0 && header.timestamp !== this.#keyframeTimestamp) {
      this.#keyframeTimestamp = header.timestamp
      this.keyframes++
      this.keyframeRequester.receiveKeyframe(nowMs)
    }
    return slot
  }

  receiveSenderReport(ntpSeconds: number, ntpFraction: number, rtpTimestamp: number, nowMs: number): void {
    this.statistics.receiveSenderReport(ntpSeconds, ntpFraction, nowMs)
    this.clock.receiveReport(rtpTimestamp, unixMsOfNtp(ntpSeconds, ntpFraction), nowMs)
  }

  /**
   * The number from which on a viewer needs the keyframe that `slot` is part of: its first packet, or lost ones in front of what
   * is there, since parameter sets may be among them and come by retransmission.
   */
  keyframeStart(slot: number): number {
    const store = this.store
    const number = store.numbers[slot]!
    const isKeyframe = (store.flags[slot]! & packetFlags.keyframe) !== 0
    if (isKeyframe && this.#parameterSets === undefined) return number
    const lowest = Math.max(this.#lowestNumber, number - maxLostInFrontOfKeyframe)
    for (let candidate = number - 1; candidate >= lowest; candidate--) {
      const before = store.find(candidate)
      if (before >= 0 && store.timestamps[before] !== store.timestamps[slot]) return candidate + 1
    }
    return lowest
  }

  /**
   * What is to be sent in front of the keyframe that starts with packet `first`: the parameter sets, where it has come without
   * them. Undefined where nothing is to be sent.
   */
  parameterSetsFor(first: number, nowMs: number): ParameterSetPackets | undefined {
    const cache = this.#parameterSets
    if (cache === undefined) return undefined
    const { store } = this
    for (let number = first; number <= store.highestNumber; number++) {
      const slot = store.find(number)
      // A lost packet may be the one that has them.
      if (slot < 0) return undefined
      if (cache.isIn(store.memoryOf(slot).bytes, store.payloadOffsets[slot]!, store.payloadLengths[slot]!)) {
        return undefined
      }
      if ((store.flags[slot]! & packetFlags.keyframe) !== 0) return cache.packets(nowMs)
    }
    return undefined
  }

  close(): void {
    this.#parameterSets?.close()
    this.store.close()
  }

  #countFailure(failure: number): void {
    if (failure === storeFailure.duplicate) this.#drops.count('duplicate')
    else if (failure === storeFailure.tooLate) this.#drops.count('too-late')
    else if (failure === storeFailure.oversize) this.#drops.count('oversize')
    else this.#drops.count('no-memory')
  }
}
