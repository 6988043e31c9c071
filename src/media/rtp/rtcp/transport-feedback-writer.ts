/**
 * Writes transport-wide congestion feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1;
 * drawn in the reader).
 */
import {
  feedbackHeaderBytes,
  rtcpVersionBits,
  transportFeedbackType,
  transportWideFeedbackFormat,
} from './packet-types.ts'
import {
  deltasPerMs,
  deltasPerReferenceTime,
  largeDelta,
  maxFeedbackStatuses,
  maxRunLength,
  notReceived,
  oneBitVectorSymbols,
  smallDelta,
  twoBitVectorSymbols,
} from './transport-feedback.ts'

const fixedBytes = feedbackHeaderBytes + 8
const chunkBytes = 2
const maxSmallDelta = 0xff
const minLargeDelta = -0x8000
const maxLargeDelta = 0x7fff

/** Has the scratch memory for one packet at a time. */
export class TransportFeedbackWriter {
  /** Status symbols, whose values are also the bytes that their deltas take. */
  readonly #symbols = new Uint8Array(maxFeedbackStatuses)
  readonly #deltas = new Int16Array(maxFeedbackStatuses)
  /** Bytes written by the last `write`, whole words. */
  writtenBytes = 0

  /**
   * Writes one feedback packet in at most `roomBytes` at `offset`; for the arguments see
   * `RtcpWriter.transportFeedback`. Returns how many of the arrivals it covers, from the first on; 0 where it
   * wrote nothing.
   */
  write(
    view: DataView,
    offset: number,
    roomBytes: number,
    senderSsrc: number,
    mediaSsrc: number,
    feedbackCount: number,
    baseSequenceNumber: number,
    referenceTime64ms: number,
    arrivalsMs: ArrayLike<number>,
    count: number,
  ): number {
    this.writtenBytes = 0
    const measured = this.#measure(referenceTime64ms, arrivalsMs, Math.min(count, maxFeedbackStatuses))
    // Whole words only, so that the padding has room.
    const room = roomBytes & ~3

    // Chunks go out as they are chosen, as long as their deltas will have room behind them.
    let covered = 0
    let at = offset + fixedBytes
    let deltaBytes = 0
    while (covered < measured) {
      const free = room - (at - offset) - chunkBytes - deltaBytes
      if (free < 0) break
      const run = this.#runLength(covered, measured)
      const isOneBit = this.#isOneBitVector(covered, measured)
      const vectorLength = Math.min(isOneBit ? oneBitVectorSymbols : twoBitVectorSymbols, measured - covered)
      let chunk: number
      let length: number
      if (run < vectorLength && this.#deltaBytes(covered, vectorLength) <= free) {
        length = vectorLength
        chunk = isOneBit
          ? 0x8000 | this.#packSymbols(covered, length, oneBitVectorSymbols, 1)
          : 0xc000 | this.#packSymbols(covered, length, twoBitVectorSymbols, 2)
      } else {
        const symbol = this.#symbols[covered] ?? notReceived
        length = symbol === notReceived ? run : Math.min(run, Math.floor(free / symbol))
        if (length === 0) break
        chunk = (symbol << 13) | length
      }
      view.setUint16(at, chunk)
      at += chunkBytes
      deltaBytes += this.#deltaBytes(covered, length)
      covered += length
    }
    if (covered === 0) return 0

    at = this.#writeDeltas(view, at, covered)
    while (((at - offset) & 3) !== 0) view.setUint8(at++, 0)
    view.setUint8(offset, rtcpVersionBits | transportWideFeedbackFormat)
    view.setUint8(offset + 1, transportFeedbackType)
    view.setUint16(offset + 2, ((at - offset) >> 2) - 1)
    view.setUint32(offset + 4, senderSsrc)
    view.setUint32(offset + 8, mediaSsrc)
    view.setUint16(offset + 12, baseSequenceNumber)
    view.setUint16(offset + 14, covered)
    view.setUint32(offset + 16, (referenceTime64ms << 8) | (feedbackCount & 0xff))
    this.writtenBytes = at - offset
    return covered
  }

  /**
   * Fills symbols and deltas; returns for how many arrivals, ending before the first delta that 16 bits
   * cannot hold.
   */
  #measure(referenceTime64ms: number, arrivalsMs: ArrayLike<number>, count: number): number {
    let previous = referenceTime64ms * deltasPerReferenceTime
    for (let i = 0; i < count; i++) {
      const arrivalMs = arrivalsMs[i] ?? NaN
      if (Number.isNaN(arrivalMs)) {
        this.#symbols[i] = notReceived
        continue
      }
      // Each arrival is rounded, not each difference, so that errors do not add up.
      const arrival = Math.round(arrivalMs * deltasPerMs)
      const delta = arrival - previous
      if (delta < minLargeDelta || delta > maxLargeDelta) return i
      this.#symbols[i] = delta >= 0 && delta <= maxSmallDelta ? smallDelta : largeDelta
      this.#deltas[i] = delta
      previous = arrival
    }
    return count
  }

  #runLength(start: number, end: number): number {
    const symbol = this.#symbols[start]
    const limit = Math.min(end, start + maxRunLength)
    let at = start + 1
    while (at < limit && this.#symbols[at] === symbol) at++
    return at - start
  }

  #isOneBitVector(start: number, end: number): boolean {
    const limit = Math.min(end, start + oneBitVectorSymbols)
    for (let i = start; i < limit; i++) if (this.#symbols[i] === largeDelta) return false
    return true
  }

  #packSymbols(start: number, length: number, places: number, bits: number): number {
    let packed = 0
    for (let i = 0; i < length; i++) packed |= (this.#symbols[start + i] ?? 0) << ((places - 1 - i) * bits)
    return packed
  }

  #deltaBytes(start: number, length: number): number {
    let sum = 0
    for (let i = start; i < start + length; i++) sum += this.#symbols[i] ?? 0
    return sum
  }

  #writeDeltas(view: DataView, start: number, count: number): number {
    let at = start
    for (let i = 0; i < count; i++) {
      const symbol = this.#symbols[i]
      if (symbol === smallDelta) view.setUint8(at++, this.#deltas[i] ?? 0)
      else if (symbol === largeDelta) {
        view.setInt16(at, this.#deltas[i] ?? 0)
        at += 2
      }
    }
    return at
  }
}
