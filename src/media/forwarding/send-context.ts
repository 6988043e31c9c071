/** What the tracks of one viewer share on their way out. */
import { HeaderExtensionWriter } from '../rtp/header-extensions.ts'
import { DropCounters } from './drop-reason.ts'
import type { RtpSink } from './ports.ts'

export class SendContext {
  readonly sink: RtpSink
  readonly extensions = new HeaderExtensionWriter()
  readonly drops = new DropCounters()
  /** Transport-wide sequence number of the next packet, modulo 2^16: one counter for all tracks of the transport. */
  transportSequence: number
  /** Absolute send time (24 bits) of what is sent now; set once per flush. */
  absoluteSendTime = 0
  /** RTP packets sent, retransmissions included. */
  packets = 0
  /** Their bytes without SRTP's tag. */
  bytes = 0
  retransmitted = 0
  /** A track's timestamps have a new origin, which the viewer has to be told. */
  isReportDue = false
  /** A track is being sent what came before the viewer. */
  isCatchingUp = false

  constructor(sink: RtpSink, transportSequence: number) {
    this.sink = sink
    this.transportSequence = transportSequence
  }
}
