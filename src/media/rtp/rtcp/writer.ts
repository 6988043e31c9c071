/**
 * Writes compound and reduced-size RTCP packets (RFC 3550 section 6, RFC 4585 section 6, RFC 5104 section
 * 4.3, REMB). Long since all kinds share one datagram.
 */
import { toSequenceNumber, type SequenceNumber } from '../sequence-number.ts'
import {
  applicationLayerFeedbackFormat,
  byeType,
  feedbackHeaderBytes,
  fullIntraRequestEntryBytes,
  fullIntraRequestFormat,
  maxReportBlocks,
  nackFormat,
  payloadFeedbackType,
  pictureLossIndicationFormat,
  receiverReportType,
  rembIdentifier,
  reportBlockBytes,
  rtcpHeaderBytes,
  rtcpVersionBits,
  senderInfoBytes,
  senderReportType,
  sourceDescriptionType,
  transportFeedbackType,
} from './packet-types.ts'
import { TransportFeedbackWriter } from './transport-feedback-writer.ts'

/** Fits every path that WebRTC is used on (IPv6's least MTU is 1280) together with SRTCP's trailer. */
const defaultMaxBytes = 1200
const cnameItem = 1
const maxCnameBytes = 255
/** REMB's mantissa has 18 bits, its exponent 6. */
const maxMantissa = 0x3_ffff
const maxRembSsrcs = 255
/** A NACK pair reports one packet and any of the 16 behind it. */
const nackBitmaskBits = 16

const textEncoder = new TextEncoder()
/** One per thread: 24 KiB of scratch memory for each session would be waste. */
const transportFeedbackWriter = new TransportFeedbackWriter()

/**
 * Collects the packets of one datagram in `bytes`, of which `length` are written; `reset` starts the next
 * one. Each method appends a packet (or a block) and returns true, or writes nothing and returns false where
 * that would not fit.
 */
export class RtcpWriter {
  readonly bytes: Uint8Array
  readonly view: DataView
  length = 0
  /** Where the report starts that blocks may still be appended to; -1 when something else came after it. */
  #openReport = -1

  constructor(maxBytes = defaultMaxBytes) {
    this.bytes = new Uint8Array(maxBytes)
    this.view = new DataView(this.bytes.buffer)
  }

  reset(): void {
    this.length = 0
    this.#openReport = -1
  }

  /** A sender report without blocks; `reportBlock` appends them. */
  senderReport(
    ssrc: number,
    ntpSeconds: number,
    ntpFraction: number,
    rtpTimestamp: number,
    packetCount: number,
    octetCount: number,
  ): boolean {
    const at = this.#begin(senderReportType, 0, rtcpHeaderBytes + 4 + senderInfoBytes)
    if (at < 0) return false
    this.view.setUint32(at + 4, ssrc)
    this.view.setUint32(at + 8, ntpSeconds)
    this.view.setUint32(at + 12, ntpFraction)
    this.view.setUint32(at + 16, rtpTimestamp)
    this.view.setUint32(at + 20, packetCount)
    this.view.setUint32(at + 24, octetCount)
    this.#openReport = at
    return true
  }

  /** A receiver report without blocks; `reportBlock` appends them. */
  beginReceiverReport(ssrc: number): boolean {
    const at = this.#begin(receiverReportType, 0, rtcpHeaderBytes + 4)
    if (at < 0) return false
    this.view.setUint32(at + 4, ssrc)
    this.#openReport = at
    return true
  }

  /**
   * Appends a block to the report begun last. False also where that has 31 already, or is not the last packet
   * any more. Units as in `RtcpHandler.onReportBlock`; losses are held within 0 to 255 and 24 signed bits.
   */
  reportBlock(
    ssrc: number,
    fractionLost: number,
    cumulativeLost: number,
    extendedHighestSequenceNumber: number,
    jitter: number,
    lastSenderReport: number,
    delaySinceLastSenderReport: number,
  ): boolean {
    const report = this.#openReport
    if (report < 0 || this.length + reportBlockBytes > this.bytes.length) return false
    const first = this.view.getUint8(report)
    if ((first & 0x1f) === maxReportBlocks) return false
    const at = this.length
    const fraction = Math.max(0, Math.min(0xff, fractionLost))
    const cumulative = Math.max(-0x80_0000, Math.min(0x7f_ffff, cumulativeLost))
    this.view.setUint32(at, ssrc)
    this.view.setUint32(at + 4, (fraction << 24) | (cumulative & 0xff_ffff))
    this.view.setUint32(at + 8, extendedHighestSequenceNumber)
    this.view.setUint32(at + 12, jitter)
    this.view.setUint32(at + 16, lastSenderReport)
    this.view.setUint32(at + 20, delaySinceLastSenderReport)
    this.length += reportBlockBytes
    this.view.setUint8(report, first + 1)
    this.view.setUint16(report + 2, ((this.length - report) >> 2) - 1)
    return true
  }

  /** One chunk with a CNAME of at most 255 bytes of UTF-8 (RFC 3550 section 6.5.1). */
  sourceDescription(ssrc: number, cname: string): boolean {
    const text = textEncoder.encode(cname)
    if (text.length > maxCnameBytes) return false
    // Header, SSRC, item head, text, then at least one zero byte up to the next word.
    const unpadded = rtcpHeaderBytes + 4 + 2 + text.length + 1
    const at = this.#begin(sourceDescriptionType, 1, (unpadded + 3) & ~3)
    if (at < 0) return false
    this.view.setUint32(at + 4, ssrc)
    this.bytes[at + 8] = cnameItem
    this.bytes[at + 9] = text.length
    this.bytes.set(text, at + 10)
    this.bytes.fill(0, at + 10 + text.length, this.length)
    return true
  }

  bye(ssrc: number): boolean {
    const at = this.#begin(byeType, 1, rtcpHeaderBytes + 4)
    if (at < 0) return false
    this.view.setUint32(at + 4, ssrc)
    return true
  }

  /**
   * A generic NACK of the first `count` numbers of `lost` (sequence numbers or extended ones), sorted with
   * the oldest first and packed into pairs of packet id and bitmask (RFC 4585 section 6.2.1). False also
   * where `count` is 0.
   */
  nack(senderSsrc: number, mediaSsrc: number, lost: ArrayLike<number>, count: number): boolean {
    const pairs = this.#nackPairs(lost, count)
    if (pairs === 0) return false
    const at = this.#beginFeedback(transportFeedbackType, nackFormat, senderSsrc, mediaSsrc, pairs * 4)
    if (at < 0) return false
    let pairAt = at - 4
    let packetId = toSequenceNumber(0)
    let bitmask = 0
    for (let i = 0; i < count; i++) {
      const number = toSequenceNumber(lost[i] ?? 0)
      if (i > 0 && fitsNackPair(packetId, number)) {
        const behind = toSequenceNumber(number - packetId)
        if (behind > 0) bitmask |= 1 << (behind - 1)
      } else {
        pairAt += 4
        packetId = number
        bitmask = 0
        this.view.setUint16(pairAt, packetId)
      }
      this.view.setUint16(pairAt + 2, bitmask)
    }
    return true
  }

  pictureLossIndication(senderSsrc: number, mediaSsrc: number): boolean {
    return (
      this.#beginFeedback(payloadFeedbackType, pictureLossIndicationFormat, senderSsrc, mediaSsrc, 0) >= 0
    )
  }

  /**
   * A full intra request of one source; a repetition carries the same command sequence number, a new one the
   * next.
   */
  fullIntraRequest(senderSsrc: number, mediaSsrc: number, commandSequenceNumber: number): boolean {
    // The header's media SSRC "is not used and SHALL be set to 0" (RFC 5104 section 4.3.1.2).
    const at = this.#beginFeedback(
      payloadFeedbackType,
      fullIntraRequestFormat,
      senderSsrc,
      0,
      fullIntraRequestEntryBytes,
    )
    if (at < 0) return false
    this.view.setUint32(at, mediaSsrc)
    this.view.setUint32(at + 4, (commandSequenceNumber & 0xff) << 24)
    return true
  }

  /** REMB; rounds down to 18 significant bits. At most 255 SSRCs. */
  receiverEstimatedMaximumBitrate(
    senderSsrc: number,
    bitsPerSecond: number,
    ssrcs: readonly number[],
  ): boolean {
    if (ssrcs.length > maxRembSsrcs) return false
    let mantissa = Math.max(0, Math.floor(bitsPerSecond))
    let exponent = 0
    while (mantissa > maxMantissa && exponent < 0x3f) {
      mantissa = Math.floor(mantissa / 2)
      exponent++
    }
    const at = this.#beginFeedback(
      payloadFeedbackType,
      applicationLayerFeedbackFormat,
      senderSsrc,
      0,
      8 + ssrcs.length * 4,
    )
    if (at < 0) return false
    this.view.setUint32(at, rembIdentifier)
    this.view.setUint32(at + 4, (ssrcs.length << 24) | (exponent << 18) | Math.min(mantissa, maxMantissa))
    for (let i = 0; i < ssrcs.length; i++) this.view.setUint32(at + 8 + i * 4, ssrcs[i] ?? 0)
    return true
  }

  /**
   * Transport-wide congestion feedback on the `count` packets from `baseSequenceNumber` on. `arrivalsMs[i]`
   * is when packet base + i arrived, in milliseconds of any monotonic clock, NaN where it did not; not
   * necessarily rising. `referenceTime64ms` is that clock's time in whole units of 64 ms (it may exceed 24
   * bits) close before the first arrival: Math.floor(firstArrivalMs / 64).
   *
   * Returns how many packets it covers, so that the caller can go on from there in a packet of its own: fewer
   * than `count` where the room ends or where two arrivals are more than 8.19 s apart, which a delta cannot
   * express. 0 where nothing was written.
   */
  transportFeedback(
    senderSsrc: number,
    mediaSsrc: number,
    feedbackCount: number,
    baseSequenceNumber: SequenceNumber,
    referenceTime64ms: number,
    arrivalsMs: ArrayLike<number>,
    count: number,
  ): number {
    const covered = transportFeedbackWriter.write(
      this.view,
      this.length,
      this.bytes.length - this.length,
      senderSsrc,
      mediaSsrc,
      feedbackCount,
      baseSequenceNumber,
      referenceTime64ms,
      arrivalsMs,
      count,
    )
    if (covered === 0) return 0
    this.length += transportFeedbackWriter.writtenBytes
    this.#openReport = -1
    return covered
  }

  #nackPairs(lost: ArrayLike<number>, count: number): number {
    let pairs = 0
    let packetId = toSequenceNumber(0)
    for (let i = 0; i < count; i++) {
      const number = toSequenceNumber(lost[i] ?? 0)
      if (i > 0 && fitsNackPair(packetId, number)) continue
      packetId = number
      pairs++
    }
    return pairs
  }

  /** Returns the offset of the feedback control information, -1 where it does not fit. */
  #beginFeedback(
    type: number,
    format: number,
    senderSsrc: number,
    mediaSsrc: number,
    informationBytes: number,
  ): number {
    const at = this.#begin(type, format, feedbackHeaderBytes + informationBytes)
    if (at < 0) return -1
    this.view.setUint32(at + 4, senderSsrc)
    this.view.setUint32(at + 8, mediaSsrc)
    return at + feedbackHeaderBytes
  }

  /**
   * Takes room for a packet of whole words and writes its header. Returns its offset, -1 where it does not
   * fit.
   */
  #begin(type: number, countOrFormat: number, packetBytes: number): number {
    const at = this.length
    if (at + packetBytes > this.bytes.length) return -1
    this.view.setUint8(at, rtcpVersionBits | countOrFormat)
    this.view.setUint8(at + 1, type)
    this.view.setUint16(at + 2, (packetBytes >> 2) - 1)
    this.length += packetBytes
    this.#openReport = -1
    return at
  }
}

function fitsNackPair(packetId: SequenceNumber, number: SequenceNumber): boolean {
  return toSequenceNumber(number - packetId) <= nackBitmaskBits
}
