/** A publisher's media: from decrypted packets to stored ones, and all RTCP that goes back to it. */
import type { PublishedTrack } from '../contract.ts'
import { HeaderExtensionReader } from '../rtp/header-extensions.ts'
import { readRtcp, type RtcpHandler } from '../rtp/rtcp.ts'
import { stripPadding, type RtpHeader } from '../rtp/rtp-header.ts'
import { toSequenceNumber, type ExtendedSequenceNumber } from '../rtp/sequence-number.ts'
import { ArrivalQueue } from './arrival-queue.ts'
import { DropCounters } from './drop-reason.ts'
import { LayerChoice } from './layer-choice.ts'
import type { ForwardingLimits } from './limits.ts'
import type { PacketMemory, PacketMemoryPool, RtcpSink } from './ports.ts'
import { PublisherFeedback } from './publisher-feedback.ts'
import { PublisherClock } from './source-clock.ts'
import { SourceDiscovery, type ReceivedStream } from './source-discovery.ts'
import { SourceTrack } from './source-track.ts'
import type { ForwardingStatistics } from './statistics.ts'

/** RTX puts the original sequence number in front of the payload (RFC 4588 section 4). */
const originalSequenceNumberBytes = 2

export interface PublisherOptions {
  readonly tracks: readonly PublishedTrack[]
  readonly rtcp: RtcpSink
  readonly pool: PacketMemoryPool
  readonly limits: ForwardingLimits
  /** Uniform in 0 to 2^32 - 1. */
  readonly random: () => number
  readonly nowMs: number
}

/** The stream that a publisher feeds. */
export interface PublisherListener {
  /** Arrivals have to be forwarded and cleared now. */
  onArrivalsDue(nowMs: number): void
  /** `preferredSource` has changed for some track. */
  onSourcesChanged(nowMs: number): void
}

export class Publisher {
  readonly tracks: readonly PublishedTrack[]
  /** One per encoding; an entry is replaced when its encoding starts again with another SSRC. */
  readonly sources: SourceTrack[] = []
  readonly arrivals = new ArrivalQueue()
  /** Set by the stream. */
  listener: PublisherListener | undefined
  /** Told once, before the first media packet is stored. */
  onFirstPacket: (() => void) | undefined
  /** Told when the publisher has said goodbye for the last of its sources. */
  onBye: (() => void) | undefined

  readonly #pool: PacketMemoryPool
  readonly #limits: ForwardingLimits
  readonly #drops = new DropCounters()
  readonly #clock = new PublisherClock()
  readonly #discovery: SourceDiscovery
  readonly #extensions = new HeaderExtensionReader()
  readonly #feedback: PublisherFeedback
  readonly #layers: LayerChoice
  readonly #transportSequenceId: number
  readonly #departed = new Set<number>()
  #stream: ReceivedStream | undefined
  #nowMs: number
  #hasPackets = false
  #isClosed = false
  #packets = 0
  #bytes = 0
  #retransmissions = 0
  /** Of sources that were replaced. */
  #formerLost = 0
  #formerKeyframes = 0
  #formerKeyframeRequests = 0

  constructor(options: PublisherOptions) {
    const { tracks, limits } = options
    this.tracks = tracks
    this.#pool = options.pool
    this.#limits = limits
    this.#nowMs = options.nowMs
    this.#discovery = new SourceDiscovery(tracks, limits.maxSsrcs)
    this.#layers = new LayerChoice(tracks, limits.inactiveSourceMs)
    const congestionControlled = tracks.find((track) => track.feedback.transportCc)
    this.#transportSequenceId = congestionControlled?.extensions.transportWideCc ?? 0
    tracks.forEach((track, trackIndex) => {
      for (const { ssrc } of track.encodings) this.#addSource(this.sources.length, trackIndex, ssrc ?? 0)
    })
    this.#feedback = new PublisherFeedback(options, this.#transportSequenceId !== 0)
  }

  /** The encoding of an m-section that viewers are to be sent; undefined while none is known. */
  preferredSource(trackIndex: number): SourceTrack | undefined {
    return this.#layers.preferred(trackIndex)
  }

  /**
   * Takes a decrypted packet. `memory` is read during this call alone; `header` is of this packet, padding not yet stripped, and is changed;
   * `sequence` is the SRTP index of its SSRC.
   */
  receiveRtp(memory: PacketMemory, header: RtpHeader, sequence: ExtendedSequenceNumber, nowMs: number): void {
    if (this.#isClosed) return
    const { bytes } = memory
    this.#nowMs = nowMs
    this.#packets++
    this.#bytes += header.headerLength + header.payloadLength

    const extensions = this.#extensions
    extensions.read(bytes, header)
    if (this.#transportSequenceId !== 0) this.#noteTransportSequence(memory, nowMs)

    if (!stripPadding(bytes, header)) return this.#drops.count('damaged-padding')
    const stream = this.#findStream(bytes, header, nowMs)
    if (stream === undefined) return this.#drops.count('unknown-ssrc')
    if (stream.isRetired) return this.#drops.count('retired-ssrc')
    if (stream.payloadType !== header.payloadType) return this.#drops.count('unexpected-payload-type')

    const source = this.sources[stream.sourceIndex]!
    let originalSequence = sequence
    const isRepair = stream.kind === 'rtx'
    if (isRepair) {
      // Chromium probes with RTX packets of padding alone.
      if (header.payloadLength < originalSequenceNumberBytes) return this.#drops.count('padding-only')
      if (!source.hasPackets) return this.#drops.count('premature-rtx')
      originalSequence = source.extend(toSequenceNumber(memory.view.getUint16(header.payloadOffset)))
      header.payloadOffset += originalSequenceNumberBytes
      header.payloadLength -= originalSequenceNumberBytes
      this.#retransmissions++
    }

    if (!this.#hasPackets) this.#start(nowMs)
    const slot = source.receive(bytes, header, extensions, originalSequence, isRepair, nowMs)
    if (this.#layers.isDue(source)) this.#chooseLayers(nowMs)
    if (slot < 0) return
    const { arrivals } = this
    if (arrivals.isFull) {
      if (this.listener === undefined) this.clearArrivals()
      else this.listener.onArrivalsDue(nowMs)
    }
    arrivals.push(source.index, slot, source.store.numbers[slot]!)
  }

  /** Before a flush: with a very small store, packets may have been overwritten by later ones of the same batch. */
  dropOverwrittenArrivals(): void {
    const { arrivals, sources } = this
    let kept = 0
    for (let i = 0; i < arrivals.count; i++) {
      const slot = arrivals.slots[i]!
      if (sources[arrivals.sources[i]!]!.store.holds(slot, arrivals.numbers[i]!)) arrivals.move(i, kept++)
      else this.#drops.count('overwritten')
    }
    arrivals.count = kept
  }

  /** After a flush. */
  clearArrivals(): void {
    this.arrivals.clear()
    for (const source of this.sources) source.store.markForwarded()
  }

  /** Takes decrypted RTCP, compound or reduced-size. */
  receiveRtcp(bytes: Uint8Array, view: DataView, offset: number, length: number, nowMs: number): void {
    if (this.#isClosed) return
    this.#nowMs = nowMs
    if (!readRtcp(bytes, view, offset, length, this.#rtcpHandler)) {
      this.#drops.count('malformed-rtcp')
    }
  }

  /** When `handleTimeout` is to be called next; Infinity where nothing is due. */
  nextTimeoutMs(): number {
    if (this.#isClosed) return Infinity
    return Math.min(this.#layers.nextTimeoutMs, this.#feedback.nextTimeoutMs(this.sources))
  }

  handleTimeout(nowMs: number): void {
    if (this.#isClosed) return
    this.#nowMs = nowMs
    if (nowMs >= this.#layers.nextTimeoutMs) this.#chooseLayers(nowMs)
    this.#feedback.send(this.sources, this.#bytes, nowMs)
  }

  /** Says goodbye and gives all packet memory back. */
  close(nowMs: number): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#feedback.sendBye(this.sources, nowMs)
    this.arrivals.clear()
    for (const source of this.sources) source.close()
  }

  statistics(): ForwardingStatistics {
    let lost = this.#formerLost
    let keyframes = this.#formerKeyframes
    let keyframeRequests = this.#formerKeyframeRequests
    for (const source of this.sources) {
      lost += source.unrepaired
      keyframes += source.keyframes
      keyframeRequests += source.keyframeRequester.requests
    }
    return {
      packetsReceived: this.#packets,
      bytesReceived: this.#bytes,
      packetsSent: 0,
      bytesSent: 0,
      packetsLost: Math.max(0, lost),
      nacksSent: this.#feedback.nacks,
      nacksReceived: 0,
      retransmitted: this.#retransmissions,
      keyframeRequests,
      keyframes,
      ...(this.#feedback.hasRoundTripTime ? { roundTripTimeMs: this.#feedback.roundTripTimeMs } : {}),
      dropped: this.#drops.toRecord(),
    }
  }

  #findStream(bytes: Uint8Array, header: RtpHeader, nowMs: number): ReceivedStream | undefined {
    if (this.#stream?.ssrc === header.ssrc) return this.#stream
    let stream = this.#discovery.find(header.ssrc)
    if (stream === undefined) {
      stream = this.#discovery.learn(bytes, header, this.#extensions)
      if (stream?.kind === 'media') this.#adoptSsrc(stream, nowMs)
    }
    if (stream !== undefined) this.#stream = stream
    return stream
  }

  /** An SSRC that was learned just now: its encoding's first, or one that takes the place of another. */
  #adoptSsrc(stream: ReceivedStream, nowMs: number): void {
    const former = this.sources[stream.sourceIndex]!
    if (!former.hasPackets) {
      former.ssrc = stream.ssrc
      return
    }
    this.listener?.onArrivalsDue(nowMs)
    this.clearArrivals()
    this.#formerLost += former.unrepaired
    this.#formerKeyframes += former.keyframes
    this.#formerKeyframeRequests += former.keyframeRequester.requests
    former.close()
    const { trackIndex } = former
    this.#addSource(former.index, trackIndex, stream.ssrc)
    this.listener?.onSourcesChanged(nowMs)
  }

  #addSource(index: number, trackIndex: number, ssrc: number): void {
    const source = new SourceTrack(
      index,
      trackIndex,
      this.tracks[trackIndex]!,
      ssrc,
      this.#clock,
      this.#pool,
      this.#limits,
      this.#drops,
    )
    this.#layers.add(source, this.sources[index])
    this.sources[index] = source
  }

  #start(nowMs: number): void {
    this.#hasPackets = true
    this.#feedback.start(nowMs)
    this.onFirstPacket?.()
  }

  #noteTransportSequence(memory: PacketMemory, nowMs: number): void {
    const at = this.#extensions.find(this.#transportSequenceId)
    if (at < 0 || this.#extensions.lengths[at]! < 2) return
    const sequence = toSequenceNumber(memory.view.getUint16(this.#extensions.offsets[at]!))
    this.#feedback.noteTransportSequence(sequence, nowMs)
  }

  #chooseLayers(nowMs: number): void {
    if (this.#layers.choose(this.sources, nowMs)) this.listener?.onSourcesChanged(nowMs)
  }

  readonly #rtcpHandler: RtcpHandler = {
    onSenderReport: (ssrc, ntpSeconds, ntpFraction, rtpTimestamp) => {
      const source = this.sources.find((candidate) => candidate.hasPackets && candidate.ssrc === ssrc)
      source?.receiveSenderReport(ntpSeconds, ntpFraction, rtpTimestamp, this.#nowMs)
    },
    onBye: (ssrc) => {
      this.#departed.add(this.#discovery.find(ssrc)?.ssrc ?? 0)
      const active = this.sources.filter((source) => source.hasPackets)
      if (active.length > 0 && active.every((source) => this.#departed.has(source.ssrc))) this.onBye?.()
    },
    // A publisher receives no media: these speak of nothing that was sent to it.
    onReportBlock: () => {},
    onNack: () => {},
    onPictureLossIndication: () => {},
    onFullIntraRequest: () => {},
    onReceiverEstimatedMaximumBitrate: () => {},
    onTransportFeedback: () => {},
  }
}
