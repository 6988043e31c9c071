/** The UDP sender for systems without sendmmsg: node:dgram, one call per datagram. */
import type { Socket } from 'node:dgram'
import { NativeMemory } from '../native/memory.ts'
import type { SendCounters } from '../native/udp-sender.ts'
import type { UdpDestination, UdpSender } from './udp-sender.ts'

/** Where the next datagram is assembled; longer than any that is ever sent. */
const ASSEMBLY_BYTES = 4096
/** What may wait inside dgram before more is dropped: as much as the native sender gives the kernel. */
const MAX_QUEUED_BYTES = 4 * 1024 * 1024

export class PortableUdpSender implements UdpSender {
  readonly memory = new NativeMemory(ASSEMBLY_BYTES)
  readonly counters: SendCounters
  readonly #socket: Socket
  #inFlight = 0
  /** Called once nothing is in flight any more. */
  #onIdle: (() => void) | undefined
  readonly #queue: { bytes: Buffer; address: string; port: number }[] = []

  constructor(socket: Socket, counters: SendCounters) {
    this.#socket = socket
    this.counters = counters
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0
  }

  reserve(maxLengthBytes: number): number {
    return maxLengthBytes <= ASSEMBLY_BYTES ? 0 : -1
  }

  commit(destination: UdpDestination, lengthBytes: number): void {
    this.#queue.push({
      bytes: Buffer.from(this.memory.bytes.subarray(0, lengthBytes)),
      address: destination.remoteAddress,
      port: destination.remotePort,
    })
  }

  flush(): void {
    for (const { bytes, address, port } of this.#queue) {
      if (this.#socket.getSendQueueSize() > MAX_QUEUED_BYTES) {
        this.counters.droppedFull++
        continue
      }
      this.counters.calls++
      this.#inFlight++
      this.#socket.send(bytes, port, address, (error) => {
        if (error === null) {
          this.counters.sentDatagrams++
          this.counters.sentBytes += bytes.length
        } else {
          this.counters.droppedRefused++
        }
        if (--this.#inFlight === 0) this.#onIdle?.()
      })
    }
    this.#queue.length = 0
  }

  /** Calls `done` when all that was flushed has left: dgram looks addresses up first, and closing would drop what waits for that. */
  whenIdle(done: () => void): void {
    if (this.#inFlight === 0) done()
    else this.#onIdle = done
  }
}
