/** An RTCP handler that writes down what it is told, and the shorthand to read a packet with it. */
import { readRtcp, type RtcpHandler, type RtcpWriter } from '../../src/media/rtp/rtcp.ts'
import { place } from '../rfc3550-rtp/packet-bytes.ts'

export type Call = readonly [name: keyof RtcpHandler, ...args: unknown[]]

export class Recorder implements RtcpHandler {
  readonly calls: Call[] = []

  onSenderReport(...args: number[]): void {
    this.calls.push(['onSenderReport', ...args])
  }
  onReportBlock(...args: number[]): void {
    this.calls.push(['onReportBlock', ...args])
  }
  onBye(...args: number[]): void {
    this.calls.push(['onBye', ...args])
  }
  onNack(...args: number[]): void {
    this.calls.push(['onNack', ...args])
  }
  onPictureLossIndication(...args: number[]): void {
    this.calls.push(['onPictureLossIndication', ...args])
  }
  onFullIntraRequest(...args: number[]): void {
    this.calls.push(['onFullIntraRequest', ...args])
  }
  onReceiverEstimatedMaximumBitrate(...args: number[]): void {
    this.calls.push(['onReceiverEstimatedMaximumBitrate', ...args])
  }
  /** The feedback is reused by the reader, so its valid part is copied. */
  onTransportFeedback: RtcpHandler['onTransportFeedback'] = (feedback) => {
    const { received, deltas250us, packetCount } = feedback
    const copy = {
      ...feedback,
      received: Array.from(received.subarray(0, packetCount)),
      deltas250us: Array.from(deltas250us.subarray(0, packetCount)),
    }
    this.calls.push(['onTransportFeedback', copy])
  }
}

export interface Reading {
  readonly valid: boolean
  readonly calls: readonly Call[]
}

export function read(packet: Uint8Array, filler = 0xff): Reading {
  const { bytes, view, offset, length } = place(packet, filler)
  const recorder = new Recorder()
  return { valid: readRtcp(bytes, view, offset, length, recorder), calls: recorder.calls }
}

export function written(writer: RtcpWriter): Uint8Array {
  return writer.bytes.slice(0, writer.length)
}
