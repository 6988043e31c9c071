/** Makes RTP packets shaped like an encoder's H.264 (RFC 6184): parameter sets and fragments; the picture data is filler. */
import type { StreamSettings } from './messages.ts'

const rtpHeaderBytes = 12
const clockRate = 90_000
const fuIndicator = 0x7c // FU-A (type 28), NRI 3
const nalTypes = { slice: 1, keyframe: 5 } as const
/** STAP-A with a sequence and a picture parameter set of constrained baseline 3.1. */
const parameterSets = Buffer.from(
  '780010' + '6742c01fda014016ec0440000003004000000f03c60ca8' + '000468ce3c80',
  'hex',
)
parameterSets.writeUInt16BE(parameterSets.length - 3 - 6, 1)

/** Where a fragment says which packet it is and when it was sent, behind the FU indicator and header. */
const stampOffset = rtpHeaderBytes + 2
const stampBytes = 4 + 8

export interface Stamp {
  /** Counts the publisher's fragments from 0 (parameter sets are not counted). */
  readonly counter: number
  readonly sentAtNs: bigint
  readonly isKeyframe: boolean
}

/** The stamp of a fragment; undefined for RTCP, parameter sets and whatever else arrives. */
export function readStamp(packet: Buffer): Stamp | undefined {
  const first = packet[0]
  if (first === undefined || packet.length < rtpHeaderBytes || isRtcp(packet)) return undefined
  let offset = rtpHeaderBytes + 4 * (first & 0x0f)
  const hasExtension = (first & 0x10) !== 0
  if (hasExtension) {
    if (packet.length < offset + 4) return undefined
    offset += 4 + 4 * packet.readUInt16BE(offset + 2)
  }
  if (packet.length < offset + 2 + stampBytes || packet[offset] !== fuIndicator) return undefined
  return {
    counter: packet.readUInt32BE(offset + 2),
    sentAtNs: packet.readBigUInt64BE(offset + 6),
    isKeyframe: ((packet[offset + 1] ?? 0) & 0x1f) === nalTypes.keyframe,
  }
}

/** RTP and RTCP come the same way; a report's bytes must not be taken for a stamp (RFC 5761 section 4). */
function isRtcp(packet: Buffer): boolean {
  const second = packet[1] ?? 0
  return second >= 192 && second <= 223
}

/** Sends one frame at a time through `send`; a packet's buffer is only good during that call. */
export class SyntheticStream {
  /** Fragments made so far. */
  packets = 0
  readonly #settings: StreamSettings
  readonly #ssrc: number
  readonly #payloadType: number
  readonly #packet: Buffer
  #frame = 0
  #sequenceNumber = 0
  #unsentBytes = 0

  constructor(settings: StreamSettings, ssrc: number, payloadType: number) {
    this.#settings = settings
    this.#ssrc = ssrc
    this.#payloadType = payloadType
    // Filler that is not all zeros, as real slices are not.
    this.#packet = Buffer.alloc(settings.packetBytes, 0xa5)
  }

  nextFrame(send: (packet: Buffer) => void): void {
    const isKeyframe = this.#frame % this.#settings.keyframeIntervalFrames === 0
    if (isKeyframe) this.#sendParameterSets(send)
    this.#sendFragments(
      this.#nextFrameBytes(isKeyframe),
      isKeyframe ? nalTypes.keyframe : nalTypes.slice,
      send,
    )
    this.#frame += 1
  }

  /** Bytes of the next frame on the wire; what rounding leaves over goes into a later frame. */
  #nextFrameBytes(isKeyframe: boolean): number {
    const { bitsPerSecond, framesPerSecond, keyframeIntervalFrames, keyframeWeight } = this.#settings
    const groupBytes = (bitsPerSecond / 8 / framesPerSecond) * keyframeIntervalFrames
    const unitBytes = groupBytes / (keyframeIntervalFrames - 1 + keyframeWeight)
    this.#unsentBytes += isKeyframe ? unitBytes * keyframeWeight : unitBytes
    const frameBytes = Math.floor(this.#unsentBytes)
    this.#unsentBytes -= frameBytes
    return frameBytes
  }

  #sendParameterSets(send: (packet: Buffer) => void): void {
    this.#writeHeader(false)
    parameterSets.copy(this.#packet, rtpHeaderBytes)
    send(this.#packet.subarray(0, rtpHeaderBytes + parameterSets.length))
  }

  #sendFragments(frameBytes: number, nalType: number, send: (packet: Buffer) => void): void {
    const smallest = stampOffset + stampBytes
    for (let left = frameBytes, isFirst = true; left > 0; isFirst = false) {
      const length = Math.max(smallest, Math.min(left, this.#settings.packetBytes))
      left -= length
      const isLast = left <= 0
      this.#writeHeader(isLast)
      this.#packet[rtpHeaderBytes] = fuIndicator
      this.#packet[rtpHeaderBytes + 1] = (isFirst ? 0x80 : 0) | (isLast ? 0x40 : 0) | nalType
      this.#packet.writeUInt32BE(this.packets, stampOffset)
      this.#packet.writeBigUInt64BE(process.hrtime.bigint(), stampOffset + 4)
      send(this.#packet.subarray(0, length))
      this.packets += 1
    }
  }

  #writeHeader(marker: boolean): void {
    const timestamp = Math.round((this.#frame * clockRate) / this.#settings.framesPerSecond) >>> 0
    this.#packet[0] = 0x80
    this.#packet[1] = (marker ? 0x80 : 0) | this.#payloadType
    this.#packet.writeUInt16BE(this.#sequenceNumber, 2)
    this.#packet.writeUInt32BE(timestamp, 4)
    this.#packet.writeUInt32BE(this.#ssrc, 8)
    this.#sequenceNumber = (this.#sequenceNumber + 1) & 0xffff
  }
}
