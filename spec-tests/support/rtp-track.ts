/** What one received RTP stream looked like, from its bare packets; independent of the gateway's own RTP code on purpose. */

const sequenceNumbers = 0x1_0000

export class ReceivedTrack {
  packets = 0
  bytes = 0
  duplicates = 0
  /** Packets that came after one with a higher sequence number. */
  outOfOrder = 0
  /** Pictures, or talk spurts: packets with the marker bit. */
  markers = 0
  /** Keyframes (H.264 IDR pictures, VP8 keyframes). */
  keyframes = 0
  /** Packets by RTX (RFC 4588). */
  retransmissions = 0
  /** Neighbours in sequence whose timestamp went backwards. */
  timestampRegressions = 0
  readonly ssrcs = new Set<number>()
  #first: number | undefined
  #highest = -1
  #highestTimestamp = 0
  readonly #seen = new Set<number>()
  readonly #codec: 'H264' | 'VP8' | 'opus'
  readonly #rtxPayloadType: number | undefined

  constructor(codec: 'H264' | 'VP8' | 'opus', rtxPayloadType?: number) {
    this.#codec = codec
    this.#rtxPayloadType = rtxPayloadType
  }

  /** Sequence numbers between the first and the highest that never came. */
  get lost(): number {
    return this.#first === undefined ? 0 : this.#highest - this.#first + 1 - this.#seen.size
  }

  /** Missing numbers among the last `window` ones, oldest first. */
  missing(window: number): readonly number[] {
    const missing: number[] = []
    for (let number = Math.max(this.#first ?? 0, this.#highest - window); number < this.#highest; number++) {
      if (!this.#seen.has(number)) missing.push(number)
    }
    return missing
  }

  receive(packet: Buffer): void {
    const payloadType = (packet[1] ?? 0) & 0x7f
    const isRtx = payloadType === this.#rtxPayloadType
    let payload = packet.subarray(payloadOffset(packet))
    const padding = ((packet[0] ?? 0) & 0x20) === 0 ? 0 : (packet[packet.length - 1] ?? 0)
    payload = payload.subarray(0, payload.length - padding)
    let sequenceNumber = packet.readUInt16BE(2)
    this.bytes += packet.length
    if (isRtx) {
      if (payload.length < 2) return // padding that probes the bandwidth
      this.retransmissions++
      sequenceNumber = payload.readUInt16BE(0)
      payload = payload.subarray(2)
    } else {
      this.ssrcs.add(packet.readUInt32BE(8))
    }
    this.#count(this.#extend(sequenceNumber), packet.readUInt32BE(4))
    if (((packet[1] ?? 0) & 0x80) !== 0) this.markers++
    if (startsKeyframe(this.#codec, payload)) this.keyframes++
  }

  #extend(sequenceNumber: number): number {
    if (this.#first === undefined) return sequenceNumber + sequenceNumbers
    const distance =
      ((sequenceNumber - this.#highest + sequenceNumbers / 2) & (sequenceNumbers - 1)) - sequenceNumbers / 2
    return this.#highest + distance
  }

  #count(extended: number, timestamp: number): void {
    this.packets++
    this.#first ??= extended
    if (this.#seen.has(extended)) this.duplicates++
    this.#seen.add(extended)
    if (extended < this.#first) this.#first = extended
    if (extended < this.#highest) {
      this.outOfOrder++
      return
    }
    if (extended === this.#highest + 1 && ((timestamp - this.#highestTimestamp) | 0) < 0)
      this.timestampRegressions++
    this.#highest = extended
    this.#highestTimestamp = timestamp
  }
}

/** RFC 5761 section 4: 192 to 223 in the second byte is RTCP. */
export function isRtcp(packet: Buffer): boolean {
  const type = packet[1] ?? 0
  return type >= 192 && type <= 223
}

/** The packet types inside a compound RTCP packet. */
export function rtcpTypes(compound: Buffer): readonly number[] {
  const types: number[] = []
  for (let offset = 0; offset + 4 <= compound.length; offset += 4 * (compound.readUInt16BE(offset + 2) + 1)) {
    types.push(compound[offset + 1] ?? 0)
  }
  return types
}

function payloadOffset(packet: Buffer): number {
  const first = packet[0] ?? 0
  let offset = 12 + 4 * (first & 0x0f)
  if ((first & 0x10) !== 0) offset += 4 + 4 * packet.readUInt16BE(offset + 2)
  return offset
}

function startsKeyframe(codec: 'H264' | 'VP8' | 'opus', payload: Buffer): boolean {
  if (codec === 'H264') return startsH264Keyframe(payload)
  return codec === 'VP8' && startsVp8Keyframe(payload)
}

/** RFC 6184 sections 5.6 to 5.8: an IDR slice alone, as the start of a FU-A, or inside a STAP-A. */
function startsH264Keyframe(payload: Buffer): boolean {
  const type = (payload[0] ?? 0) & 0x1f
  if (type === 5) return true
  if (type === 28) return ((payload[1] ?? 0) & 0x9f) === 0x85
  if (type !== 24) return false
  for (let offset = 1; offset + 2 < payload.length; offset += 2 + payload.readUInt16BE(offset)) {
    if (((payload[offset + 2] ?? 0) & 0x1f) === 5) return true
  }
  return false
}

/** RFC 7741 sections 4.2 and 4.3: start of the first partition, and P is 0 in the payload header. */
function startsVp8Keyframe(payload: Buffer): boolean {
  const first = payload[0] ?? 0
  if ((first & 0x17) !== 0x10) return false
  let offset = 1
  if ((first & 0x80) !== 0) {
    const extensions = payload[offset++] ?? 0
    if ((extensions & 0x80) !== 0) offset += ((payload[offset] ?? 0) & 0x80) === 0 ? 1 : 2
    if ((extensions & 0x40) !== 0) offset++
    if ((extensions & 0x30) !== 0) offset++
  }
  return ((payload[offset] ?? 1) & 1) === 0
}
