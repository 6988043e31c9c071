/**
 * Reads compound and reduced-size RTCP packets (RFC 3550 section 6.1, RFC 5506) and hands their contents to a
 * handler.
 */
import { toSequenceNumber, type SequenceNumber } from '../sequence-number.ts'
import {
  applicationLayerFeedbackFormat,
  byeType,
  feedbackHeaderBytes,
  fullIntraRequestEntryBytes,
  fullIntraRequestFormat,
  nackFormat,
  payloadFeedbackType,
  pictureLossIndicationFormat,
  receiverReportType,
  rembIdentifier,
  reportBlockBytes,
  rtcpHeaderBytes,
  senderInfoBytes,
  senderReportType,
  transportFeedbackType,
  transportWideFeedbackFormat,
} from './packet-types.ts'
import { createTransportFeedback, type TransportFeedback } from './transport-feedback.ts'
import { readTransportFeedback } from './transport-feedback-reader.ts'

/*
  0                   1                   2                   3
  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 |V=2|P|count/FMT|  packet type  |   length in words, minus one  |
 +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */

/** Takes what was read; each method is called in the order of the wire, once per block, pair or entry. */
export interface RtcpHandler {
  /** RFC 3550 section 6.4.1. */
  onSenderReport(
    ssrc: number,
    ntpSeconds: number,
    ntpFraction: number,
    rtpTimestamp: number,
    packetCount: number,
    octetCount: number,
  ): void
  /**
   * Of a sender or receiver report. `fractionLost` in 1/256 (0 to 255), `cumulativeLost` signed 24 bits,
   * `jitter` in RTP ticks, `lastSenderReport` and `delaySinceLastSenderReport` in 1/65536 s.
   */
  onReportBlock(
    reporterSsrc: number,
    ssrc: number,
    fractionLost: number,
    cumulativeLost: number,
    extendedHighestSequenceNumber: number,
    jitter: number,
    lastSenderReport: number,
    delaySinceLastSenderReport: number,
  ): void
  onBye(ssrc: number): void
  /**
   * Bit n of the mask (bit 0 is the lowest) stands for packet `packetId` + n + 1 (RFC 4585 section 6.2.1).
   */
  onNack(mediaSsrc: number, packetId: SequenceNumber, lostPacketsBitmask: number): void
  onPictureLossIndication(mediaSsrc: number): void
  /** RFC 5104 section 4.3.1; a repeated request has the same command sequence number. */
  onFullIntraRequest(mediaSsrc: number, commandSequenceNumber: number): void
  onReceiverEstimatedMaximumBitrate(bitsPerSecond: number): void
  /** `feedback` is reused: valid during this call alone. */
  onTransportFeedback(feedback: TransportFeedback): void
}

/** One per thread, since a thread reads one packet at a time and 24 KiB for each peer would be waste. */
const transportFeedback = createTransportFeedback()

/**
 * Reads all RTCP packets in `length` (decrypted) bytes at `offset` of `bytes` (and of `view`, the same
 * memory). Returns false at the first malformed packet; what came before it has been handed over. Types and
 * formats that are not known are skipped. A handler must not call `readRtcp` in turn.
 */
export function readRtcp(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  length: number,
  handler: RtcpHandler,
): boolean {
  if (offset < 0 || length < rtcpHeaderBytes || length > bytes.length - offset) return false
  const end = offset + length
  let at = offset
  while (at < end) {
    if (at + rtcpHeaderBytes > end) return false
    const first = view.getUint8(at)
    const packetBytes = (view.getUint16(at + 2) + 1) * 4
    if (first >> 6 !== 2 || at + packetBytes > end) return false
    let contentBytes = packetBytes
    if ((first & 0x20) !== 0) {
      const padding = view.getUint8(at + packetBytes - 1)
      if (padding === 0 || padding > packetBytes - rtcpHeaderBytes) return false
      contentBytes -= padding
    }
    if (!readPacket(view, at, contentBytes, view.getUint8(at + 1), first & 0x1f, handler)) return false
    at += packetBytes
  }
  return true
}

function readPacket(
  view: DataView,
  offset: number,
  length: number,
  type: number,
  countOrFormat: number,
  handler: RtcpHandler,
): boolean {
  switch (type) {
    case senderReportType:
      return readSenderReport(view, offset, length, countOrFormat, handler)
    case receiverReportType:
      return readReportBlocks(view, offset, length, countOrFormat, rtcpHeaderBytes + 4, handler)
    case byeType:
      return readBye(view, offset, length, countOrFormat, handler)
    case transportFeedbackType:
      return readTransportLayerFeedback(view, offset, length, countOrFormat, handler)
    case payloadFeedbackType:
      return readPayloadSpecificFeedback(view, offset, length, countOrFormat, handler)
    default:
      return true
  }
}

function readSenderReport(
  view: DataView,
  offset: number,
  length: number,
  count: number,
  handler: RtcpHandler,
): boolean {
  const blocksAt = rtcpHeaderBytes + 4 + senderInfoBytes
  if (length < blocksAt + count * reportBlockBytes) return false
  handler.onSenderReport(
    view.getUint32(offset + 4),
    view.getUint32(offset + 8),
    view.getUint32(offset + 12),
    view.getUint32(offset + 16),
    view.getUint32(offset + 20),
    view.getUint32(offset + 24),
  )
  return readReportBlocks(view, offset, length, count, blocksAt, handler)
}

function readReportBlocks(
  view: DataView,
  offset: number,
  length: number,
  count: number,
  blocksAt: number,
  handler: RtcpHandler,
): boolean {
  if (length < blocksAt + count * reportBlockBytes) return false
  const reporterSsrc = view.getUint32(offset + 4)
  for (let i = 0; i < count; i++) {
    const at = offset + blocksAt + i * reportBlockBytes
    const lost = view.getInt32(at + 4)
    handler.onReportBlock(
      reporterSsrc,
      view.getUint32(at),
      lost >>> 24,
      (lost << 8) >> 8,
      view.getUint32(at + 8),
      view.getUint32(at + 12),
      view.getUint32(at + 16),
      view.getUint32(at + 20),
    )
  }
  return true
}

function readBye(
  view: DataView,
  offset: number,
  length: number,
  count: number,
  handler: RtcpHandler,
): boolean {
  if (length < rtcpHeaderBytes + count * 4) return false
  for (let i = 0; i < count; i++) handler.onBye(view.getUint32(offset + rtcpHeaderBytes + i * 4))
  return true
}

function readTransportLayerFeedback(
  view: DataView,
  offset: number,
  length: number,
  format: number,
  handler: RtcpHandler,
): boolean {
  if (length < feedbackHeaderBytes) return false
  if (format === nackFormat) {
    const mediaSsrc = view.getUint32(offset + 8)
    const end = offset + length - 4
    for (let at = offset + feedbackHeaderBytes; at <= end; at += 4) {
      handler.onNack(mediaSsrc, toSequenceNumber(view.getUint16(at)), view.getUint16(at + 2))
    }
    return true
  }
  if (format !== transportWideFeedbackFormat) return true
  if (!readTransportFeedback(view, offset, length, transportFeedback)) return false
  handler.onTransportFeedback(transportFeedback)
  return true
}

function readPayloadSpecificFeedback(
  view: DataView,
  offset: number,
  length: number,
  format: number,
  handler: RtcpHandler,
): boolean {
  if (length < feedbackHeaderBytes) return false
  switch (format) {
    case pictureLossIndicationFormat:
      handler.onPictureLossIndication(view.getUint32(offset + 8))
      return true
    case fullIntraRequestFormat: {
      // The SSRC that is meant stands in each entry; the header's is unused (RFC 5104 section 4.3.1.2).
      const end = offset + length - fullIntraRequestEntryBytes
      for (let at = offset + feedbackHeaderBytes; at <= end; at += fullIntraRequestEntryBytes) {
        handler.onFullIntraRequest(view.getUint32(at), view.getUint8(at + 4))
      }
      return true
    }
    case applicationLayerFeedbackFormat:
      return readApplicationLayerFeedback(view, offset, length, handler)
    default:
      return true
  }
}

/**
 * REMB: "REMB", number of SSRCs (8 bits), exponent (6), mantissa (18), SSRCs. Other application layer
 * feedback is skipped.
 */
function readApplicationLayerFeedback(
  view: DataView,
  offset: number,
  length: number,
  handler: RtcpHandler,
): boolean {
  const at = offset + feedbackHeaderBytes
  if (length < feedbackHeaderBytes + 4 || view.getUint32(at) !== rembIdentifier) return true
  if (length < feedbackHeaderBytes + 8) return false
  const word = view.getUint32(at + 4)
  if (length < feedbackHeaderBytes + 8 + (word >>> 24) * 4) return false
  handler.onReceiverEstimatedMaximumBitrate((word & 0x3_ffff) * 2 ** ((word >>> 18) & 0x3f))
  return true
}
