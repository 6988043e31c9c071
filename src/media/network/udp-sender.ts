/** The one interface of both UDP senders: datagrams are assembled in its memory, queued, and sent together at the end of the turn. */
import type { NativeMemory } from '../native/memory.ts'
import type { SocketAddressSlot } from '../native/libc.ts'
import type { SendCounters } from '../native/udp-sender.ts'

/** An address in both forms: the binary one for system calls, the text for dgram. */
export interface UdpDestination extends SocketAddressSlot {
  readonly remoteAddress: string
  readonly remotePort: number
}

export interface UdpSender {
  readonly memory: NativeMemory
  readonly counters: SendCounters
  readonly isEmpty: boolean
  /** Opens room for one datagram. @returns its offset in `memory`. A second call drops what the first one opened. */
  reserve(maxLengthBytes: number): number
  /** Queues the datagram at the offset that `reserve` returned last. */
  commit(destination: UdpDestination, lengthBytes: number): void
  /** Sends all that is queued; what the system does not take is dropped and counted. */
  flush(): void
}

export function createSendCounters(): SendCounters {
  return { sentDatagrams: 0, sentBytes: 0, droppedFull: 0, droppedRefused: 0, calls: 0 }
}
