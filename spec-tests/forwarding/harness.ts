/** Fakes around forwarding: a pool that notices leaks, sinks that decode and check what they are given, a publisher's packets. */
import type { Feedback, PlayedTrack, PublishedTrack } from '../../src/media/contract.ts'
import { defaultForwardingLimits, type ForwardingLimits } from '../../src/media/forwarding/limits.ts'
import type { PacketMemory, PacketMemoryPool, RtcpSink, RtpSink } from '../../src/media/forwarding/ports.ts'
import { Publisher } from '../../src/media/forwarding/publisher.ts'
import { Stream } from '../../src/media/forwarding/stream.ts'
import { Viewer } from '../../src/media/forwarding/viewer.ts'
import { HeaderExtensionReader, HeaderExtensionWriter } from '../../src/media/rtp/header-extensions.ts'
import { readRtcp, RtcpWriter, type RtcpHandler } from '../../src/media/rtp/rtcp.ts'
import { createRtpHeader, parseRtpHeader, writeRtpHeader } from '../../src/media/rtp/rtp-header.ts'
import type { ExtendedSequenceNumber } from '../../src/media/rtp/sequence-number.ts'

/** mulberry32: small, seeded, uniform in 32 bits. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }
}

/** Sixteen places to start from, most of them close to a wrap. */
export const startingSequenceNumbers = [
  0, 1, 2, 100, 32_766, 32_767, 32_768, 32_769, 50_000, 65_000, 65_500, 65_530, 65_532, 65_533, 65_534,
  65_535,
]

export class FakePool implements PacketMemoryPool {
  readonly lent = new Set<PacketMemory>()
  bytes = 0
  maxBytes = Infinity

  allocate(lengthBytes: number): PacketMemory {
    if (this.bytes + lengthBytes > this.maxBytes) throw new Error('the pool is exhausted')
    const bytes = new Uint8Array(lengthBytes)
    const memory = { bytes, view: new DataView(bytes.buffer) }
    this.lent.add(memory)
    this.bytes += lengthBytes
    return memory
  }

  free(memory: PacketMemory): void {
    if (!this.lent.delete(memory)) throw new Error('freed what was not lent')
    this.bytes -= memory.bytes.length
    // Whoever reads it from now on shall notice.
    memory.bytes.fill(0xdd)
  }
}

export interface SentPacket {
  readonly ssrc: number
  readonly payloadType: number
  readonly sequence: number
  readonly timestamp: number
  readonly marker: boolean
  readonly extensions: ReadonlyMap<number, Uint8Array>
  readonly form: number
  readonly prefix: Uint8Array
  readonly payload: Uint8Array
  readonly headerLength: number
  readonly raw: string
}

/** One RTCP packet's contents as [name, ...values]. */
export type RtcpItem = readonly [string, ...unknown[]]

export function decodeRtcp(bytes: Uint8Array): RtcpItem[] {
  const items: RtcpItem[] = []
  const note =
    (name: string) =>
    (...values: unknown[]) => {
      items.push([name, ...values])
    }
  const handler: RtcpHandler = {
    onSenderReport: note('sr'),
    onReportBlock: note('block'),
    onBye: note('bye'),
    onNack: note('nack'),
    onPictureLossIndication: note('pli'),
    onFullIntraRequest: note('fir'),
    onReceiverEstimatedMaximumBitrate: note('remb'),
    onTransportFeedback: (feedback) => {
      const { baseSequenceNumber, packetCount, referenceTimeMs, feedbackCount } = feedback
      const received = [...feedback.received.subarray(0, packetCount)]
      const deltas = [...feedback.deltas250us.subarray(0, packetCount)]
      items.push(['twcc', { baseSequenceNumber, referenceTimeMs, feedbackCount, received, deltas }])
    },
  }
  if (!readRtcp(bytes, new DataView(bytes.buffer, bytes.byteOffset), 0, bytes.length, handler)) {
    throw new Error('malformed RTCP was sent')
  }
  return items
}

export class FakeRtcpSink implements RtcpSink {
  readonly datagrams: Uint8Array[] = []

  sendRtcp(bytes: Uint8Array, length: number): void {
    this.datagrams.push(bytes.slice(0, length))
  }

  /** Takes all datagrams sent so far, decoded. */
  take(): RtcpItem[][] {
    return this.datagrams.splice(0).map((datagram) => decodeRtcp(datagram))
  }
}

const outBytes = 2_048

/** Decodes each packet, and throws where other bytes are sent under a number that was used already: SRTP must never do that. */
export class FakeSink extends FakeRtcpSink implements RtpSink {
  readonly packets: SentPacket[] = []
  isFull = false
  readonly #memory: PacketMemory
  readonly #rawOf = new Map<string, string>()
  readonly #header = createRtpHeader()
  readonly #reader = new HeaderExtensionReader()

  constructor() {
    super()
    const bytes = new Uint8Array(outBytes + 64)
    this.#memory = { bytes, view: new DataView(bytes.buffer) }
  }

  begin(maxLengthBytes: number): number {
    if (this.isFull) return -1
    if (maxLengthBytes > outBytes) throw new Error('a packet too long to send')
    this.#memory.bytes.fill(0xee)
    return 64
  }

  out(): PacketMemory {
    return this.#memory
  }

  sendRtp(
    offset: number,
    headerLength: number,
    prefixLength: number,
    payload: PacketMemory,
    payloadOffset: number,
    payloadLength: number,
    ssrc: number,
    extendedSequenceNumber: number,
  ): void {
    const { bytes, view } = this.#memory
    const header = this.#header
    if (!parseRtpHeader(bytes, view, offset, headerLength, header)) throw new Error('not an RTP packet')
    if (header.headerLength !== headerLength) throw new Error('header length is wrong')
    if (header.ssrc !== ssrc) throw new Error('SSRC is wrong')
    if (header.sequenceNumber !== extendedSequenceNumber % 0x10000) throw new Error('index is wrong')
    this.#reader.read(bytes, header)
    const extensions = new Map<number, Uint8Array>()
    for (let i = 0; i < this.#reader.count; i++) {
      const at = this.#reader.offsets[i]!
      extensions.set(this.#reader.ids[i]!, bytes.slice(at, at + this.#reader.lengths[i]!))
    }
    const start = offset + headerLength
    const sent: SentPacket = {
      ssrc,
      payloadType: header.payloadType,
      sequence: extendedSequenceNumber,
      timestamp: header.timestamp,
      marker: header.marker,
      extensions,
      form: header.extensionProfile,
      prefix: bytes.slice(start, start + prefixLength),
      payload: payload.bytes.slice(payloadOffset, payloadOffset + payloadLength),
      headerLength,
      raw: '',
    }
    const raw = Buffer.concat([bytes.subarray(offset, start), sent.prefix, sent.payload]).toString('hex')
    const key = `${ssrc} ${extendedSequenceNumber}`
    const before = this.#rawOf.get(key)
    if (before !== undefined && before !== raw) throw new Error(`other bytes under the same number: ${key}`)
    this.#rawOf.set(key, raw)
    this.packets.push({ ...sent, raw })
  }

  takePackets(): SentPacket[] {
    return this.packets.splice(0)
  }
}

export const noFeedback: Feedback = { nack: false, pli: false, fir: false, transportCc: false, remb: false }
export const allFeedback: Feedback = { nack: true, pli: true, fir: true, transportCc: true, remb: true }

export const videoSsrc = 0x1111_1111
export const videoRtxSsrc = 0x1111_2222
export const audioSsrc = 0x3333_3333

export const publishedVideo: PublishedTrack = {
  mid: '0',
  kind: 'video',
  codec: 'VP8',
  clockRate: 90_000,
  payloadType: 96,
  rtxPayloadType: 97,
  extensions: { mid: 1, rid: 2, repairedRid: 3, transportWideCc: 4, videoOrientation: 5, playoutDelay: 6 },
  feedback: allFeedback,
  encodings: [{ ssrc: videoSsrc, rtxSsrc: videoRtxSsrc }],
}

export const publishedAudio: PublishedTrack = {
  mid: '1',
  kind: 'audio',
  codec: 'opus',
  clockRate: 48_000,
  payloadType: 111,
  extensions: { mid: 1, transportWideCc: 4, audioLevel: 7 },
  feedback: { ...noFeedback, transportCc: true },
  encodings: [{ ssrc: audioSsrc }],
}

export const playedVideo: PlayedTrack = {
  mid: 'v',
  kind: 'video',
  codec: 'VP8',
  clockRate: 90_000,
  payloadType: 120,
  rtxPayloadType: 121,
  ssrc: 0x0a0a_0a0a,
  rtxSsrc: 0x0b0b_0b0b,
  cname: 'whipway',
  extensions: { mid: 9, transportWideCc: 8, absSendTime: 7, videoOrientation: 3 },
  feedback: allFeedback,
}

export const playedAudio: PlayedTrack = {
  mid: 'a',
  kind: 'audio',
  codec: 'opus',
  clockRate: 48_000,
  payloadType: 100,
  ssrc: 0x0c0c_0c0c,
  cname: 'whipway',
  extensions: { mid: 9, transportWideCc: 8, absSendTime: 7, audioLevel: 2 },
  feedback: { ...noFeedback, transportCc: true },
}

/** The same without RTX: NACKs are answered by the same packet again. */
export function withoutRtx(track: PlayedTrack): PlayedTrack {
  const { mid, kind, codec, clockRate, payloadType, ssrc, cname, extensions, feedback } = track
  return { mid, kind, codec, clockRate, payloadType, ssrc, cname, extensions, feedback }
}

export const testLimits: ForwardingLimits = {
  ...defaultForwardingLimits,
  packetStoreBytes: 1024 * 1024,
  audioPacketStoreBytes: 16 * 1024,
  // Its own tests switch it on; in all others a viewer starts with the next keyframe.
  instantStart: false,
}

export interface PacketOptions {
  readonly ssrc?: number
  readonly payloadType?: number
  /** Extended: what the SRTP layer says. */
  readonly sequence: number
  readonly timestamp?: number
  readonly marker?: boolean
  readonly payload?: Uint8Array
  readonly extensions?: Readonly<Record<number, Uint8Array>>
  readonly paddingBytes?: number
  /** What the padding's last byte says instead of the truth. */
  readonly damagedPadding?: number
}

/** The payload of a VP8 packet: a keyframe's first one, or one of another frame. `tag` tells packets apart. */
export function vp8Payload(isKeyframe: boolean, tag: number, length = 40): Uint8Array {
  const payload = new Uint8Array(length).fill(0xab)
  // Payload descriptor with S set, then the frame tag, whose lowest bit is 0 for keyframes (RFC 7741 section 4).
  payload.set([0x10, isKeyframe ? 0x10 : 0x11, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00])
  new DataView(payload.buffer).setUint32(length - 4, tag)
  return payload
}

export function tagOf(packet: SentPacket): number {
  const { payload } = packet
  return new DataView(payload.buffer, payload.byteOffset).getUint32(payload.length - 4)
}

const scratch: PacketMemory = (() => {
  const bytes = new Uint8Array(4_096)
  return { bytes, view: new DataView(bytes.buffer) }
})()
const scratchHeader = createRtpHeader()
const extensionWriter = new HeaderExtensionWriter()
/** Not at the start, so that offsets are not mistaken. */
const scratchOffset = 32

/** Hands one packet to a publisher as the transport would. */
export function receive(publisher: Publisher, options: PacketOptions, nowMs: number): void {
  const payload = options.payload ?? vp8Payload(false, options.sequence)
  const extensions = Object.entries(options.extensions ?? {})
  const { bytes, view } = scratch
  bytes.fill(0xcc)
  writeRtpHeader(
    view,
    scratchOffset,
    options.marker ?? false,
    options.payloadType ?? 96,
    options.sequence,
    options.timestamp ?? options.sequence * 3000,
    options.ssrc ?? videoSsrc,
    extensions.length > 0,
  )
  const isLong = extensions.some(([, value]) => value.length > 16)
  extensionWriter.begin(bytes, view, scratchOffset + 12, isLong ? 'two-byte' : 'one-byte')
  for (const [id, value] of extensions) extensionWriter.add(Number(id), value, 0, value.length)
  let length = 12 + extensionWriter.end()
  bytes.set(payload, scratchOffset + length)
  length += payload.length
  const padding = options.paddingBytes ?? 0
  if (padding > 0) {
    length += padding
    bytes[scratchOffset + length - 1] = options.damagedPadding ?? padding
    bytes[scratchOffset] = (bytes[scratchOffset] ?? 0) | 0x20
  }
  if (!parseRtpHeader(bytes, view, scratchOffset, length, scratchHeader))
    throw new Error('test packet is broken')
  publisher.receiveRtp(scratch, scratchHeader, options.sequence as ExtendedSequenceNumber, nowMs)
}

/** Hands RTCP to a publisher or viewer. */
export function receiveRtcp(
  peer: Publisher | Viewer,
  write: (writer: RtcpWriter) => void,
  nowMs: number,
): void {
  const writer = new RtcpWriter()
  write(writer)
  peer.receiveRtcp(writer.bytes, writer.view, 0, writer.length, nowMs)
}

export function createPublisher(
  options: {
    tracks?: readonly PublishedTrack[]
    limits?: ForwardingLimits
    pool?: FakePool
    nowMs?: number
    seed?: number
  } = {},
) {
  const pool = options.pool ?? new FakePool()
  const rtcp = new FakeRtcpSink()
  const publisher = new Publisher({
    tracks: options.tracks ?? [publishedVideo, publishedAudio],
    rtcp,
    pool,
    limits: options.limits ?? testLimits,
    random: createRandom(options.seed ?? 1),
    nowMs: options.nowMs ?? 0,
  })
  return { publisher, rtcp, pool }
}

export function createViewer(
  options: {
    tracks?: readonly PlayedTrack[]
    limits?: ForwardingLimits
    nowMs?: number
    seed?: number
    wallClockOffsetMs?: number
  } = {},
) {
  const sink = new FakeSink()
  const viewer = new Viewer({
    tracks: options.tracks ?? [playedVideo, playedAudio],
    sink,
    limits: options.limits ?? testLimits,
    random: createRandom(options.seed ?? 2),
    nowMs: options.nowMs ?? 0,
    wallClockOffsetMs: options.wallClockOffsetMs ?? 1_700_000_000_000,
  })
  return { viewer, sink }
}

/** One publisher and one viewer that is connected. */
export function createPair(
  options: {
    published?: readonly PublishedTrack[]
    played?: readonly PlayedTrack[]
    limits?: ForwardingLimits
    seed?: number
  } = {},
) {
  const stream = new Stream('test')
  const { publisher, rtcp, pool } = createPublisher({
    ...(options.published ? { tracks: options.published } : {}),
    ...(options.limits ? { limits: options.limits } : {}),
    seed: options.seed ?? 1,
  })
  const { viewer, sink } = createViewer({
    ...(options.played ? { tracks: options.played } : {}),
    ...(options.limits ? { limits: options.limits } : {}),
    seed: (options.seed ?? 1) + 1,
  })
  stream.setPublisher(publisher, 0)
  stream.addViewer(viewer)
  viewer.start(0)
  return { stream, publisher, rtcp, pool, viewer, sink }
}
