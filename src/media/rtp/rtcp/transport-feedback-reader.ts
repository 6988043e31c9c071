/**
 * Reads transport-wide congestion feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1).
 */
import { toSequenceNumber } from '../sequence-number.ts'
import { feedbackHeaderBytes } from './packet-types.ts'
import {
  largeDelta,
  maxFeedbackStatuses,
  notReceived,
  oneBitVectorSymbols,
  referenceTimeUnitMs,
  smallDelta,
  twoBitVectorSymbols,
  type TransportFeedback,
} from './transport-feedback.ts'

/*
  0                   1                   2                   3
  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 |V=2|P|  FMT=15 |    PT=205     |           length              |
 |                     SSRC of packet sender                     |
 |                      SSRC of media source                     |
 |      base sequence number     |      packet status count      |
 |                 reference time                | fb pkt. count |
 |          packet chunk         |         packet chunk          |
 |         packet chunk          |  recv delta   |  recv delta   |
 |           recv delta          |  recv delta   | zero padding  |

 Run length chunk:    |0|  S  |        run length         |
 One-bit vector:      |1|0|      14 symbols of 1 bit       |
 Two-bit vector:      |1|1|      7 symbols of 2 bits       |
 */

const fixedBytes = feedbackHeaderBytes + 8

/**
 * Reads the packet of `length` bytes (padding excluded) at `offset` into `feedback`. False where it is
 * malformed or too long for us.
 */
export function readTransportFeedback(
  view: DataView,
  offset: number,
  length: number,
  feedback: TransportFeedback,
): boolean {
  if (length < fixedBytes) return false
  const count = view.getUint16(offset + 14)
  if (count === 0 || count > maxFeedbackStatuses) return false
  const { received: statuses, deltas250us } = feedback
  const end = offset + length
  let at = offset + fixedBytes

  let read = 0
  while (read < count) {
    if (at + 2 > end) return false
    const chunk = view.getUint16(at)
    at += 2
    if ((chunk & 0x8000) === 0) {
      const runEnd = Math.min(count, read + (chunk & 0x1fff))
      statuses.fill((chunk >> 13) & 3, read, runEnd)
      read = runEnd
    } else if ((chunk & 0x4000) === 0) {
      for (let i = oneBitVectorSymbols - 1; i >= 0 && read < count; i--) statuses[read++] = (chunk >> i) & 1
    } else {
      for (let i = twoBitVectorSymbols - 1; i >= 0 && read < count; i--)
        statuses[read++] = (chunk >> (2 * i)) & 3
    }
  }

  // Second pass: the symbols become arrival flags in place as their deltas are read.
  for (let i = 0; i < count; i++) {
    const symbol = statuses[i]
    if (symbol === notReceived) {
      deltas250us[i] = 0
      continue
    }
    if (symbol === smallDelta) {
      if (at + 1 > end) return false
      deltas250us[i] = view.getUint8(at)
      at += 1
    } else if (symbol === largeDelta) {
      if (at + 2 > end) return false
      deltas250us[i] = view.getInt16(at)
      at += 2
    } else return false
    statuses[i] = 1
  }

  feedback.senderSsrc = view.getUint32(offset + 4)
  feedback.mediaSsrc = view.getUint32(offset + 8)
  feedback.baseSequenceNumber = toSequenceNumber(view.getUint16(offset + 12))
  feedback.packetCount = count
  feedback.referenceTimeMs = (view.getInt32(offset + 16) >> 8) * referenceTimeUnitMs
  feedback.feedbackCount = view.getUint8(offset + 19)
  return true
}
