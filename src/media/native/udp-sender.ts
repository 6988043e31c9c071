/** Sends many datagrams in one system call (sendmmsg), and runs of equal ones as one message (UDP GSO). */
import {
  IOVEC_BYTES,
  IOVEC_LENGTH_OFFSET,
  MMSGHDR_BYTES,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SOL_UDP,
  UDP_SEGMENT,
  errno,
  msghdr,
  poll,
  readPointer,
  sendmmsg,
  sendto,
  setsockopt,
  writePointer,
} from './libc.ts'
import type { SocketAddressSlot } from './libc.ts'
import { NativeMemory } from './memory.ts'

const POLLOUT = 4
const EINTR = 4
const EIO = 5
const EAGAIN = 11
const EINVAL = 22
const EMSGSIZE = 90
const ENOBUFS = 105

/** A control message: cmsghdr (16) and one aligned 16-bit value. */
const CONTROL_BYTES = 24
const UDP_SEGMENT_CMSG_LENGTH = 18

/** Messages per system call (UIO_MAXIOV is 1024). */
const SEND_BATCH_MESSAGES = 256
/** Room for the datagrams of one batch. */
const SEND_BATCH_BYTES = 512 * 1024
/** UDP_MAX_SEGMENTS of every kernel that has UDP GSO. */
const MAX_SEGMENTS = 64
/** One message with all its segments is still one IP packet for the upper half of the stack. */
const MAX_MESSAGE_BYTES = 65_000
/** How long the kernel may take nothing at all before what is left is dropped. */
const SEND_WAIT_MS = 2
/**
 * How often one batch may wait for room. A keyframe to hundreds of viewers is more than the kernel buffers, but leaves at the speed of the
 * network card: each wait is followed by progress.
 */
const MAX_SEND_WAITS = 64

/** What became of the datagrams that were queued. */
export interface SendCounters {
  sentDatagrams: number
  sentBytes: number
  /** The kernel's buffer stayed full. */
  droppedFull: number
  /** The kernel refused the destination or the size. */
  droppedRefused: number
  /** System calls, for the mean batch size. */
  calls: number
}

/**
 * Collects datagrams for one socket and sends them in as few calls as can be. Consecutive datagrams to the same address and of the same
 * length (the last may be shorter) become one message that the kernel splits (UDP_SEGMENT).
 */
export class NativeSender {
  readonly memory = new NativeMemory(SEND_BATCH_BYTES)
  readonly counters: SendCounters
  readonly #fd: number
  readonly #messages = new NativeMemory(SEND_BATCH_MESSAGES * MMSGHDR_BYTES)
  readonly #vectors = new NativeMemory(SEND_BATCH_MESSAGES * IOVEC_BYTES)
  readonly #controls = new NativeMemory(SEND_BATCH_MESSAGES * CONTROL_BYTES)
  readonly #poll = new NativeMemory(256)
  // Per message, for runs and for the slow path.
  readonly #starts = new Int32Array(SEND_BATCH_MESSAGES)
  readonly #lengths = new Int32Array(SEND_BATCH_MESSAGES)
  readonly #segmentBytes = new Int32Array(SEND_BATCH_MESSAGES)
  readonly #segments = new Int32Array(SEND_BATCH_MESSAGES)
  #count = 0
  #used = 0
  /** Address of the run that may still grow, 0 when it has ended. */
  #openAddress = 0
  #useSegmentation: boolean

  constructor(fd: number, counters: SendCounters) {
    this.#fd = fd
    this.counters = counters
    // A kernel without UDP GSO refuses the option; 0 leaves it off for the socket as a whole.
    this.#poll.view.setInt32(16, 0, true)
    this.#useSegmentation = setsockopt(fd, SOL_UDP, UDP_SEGMENT, this.#poll.address + 16, 4) === 0
    for (let i = 0; i < SEND_BATCH_MESSAGES; i++) {
      const message = i * MMSGHDR_BYTES
      const control = i * CONTROL_BYTES
      writePointer(this.#messages.view, message + msghdr.iov, this.#vectors.address + i * IOVEC_BYTES)
      this.#messages.view.setUint32(message + msghdr.iovCount, 1, true)
      writePointer(this.#messages.view, message + msghdr.control, this.#controls.address + control)
      this.#controls.view.setUint32(control, UDP_SEGMENT_CMSG_LENGTH, true)
      this.#controls.view.setUint32(control + 8, SOL_UDP, true)
      this.#controls.view.setUint32(control + 12, UDP_SEGMENT, true)
    }
    this.#poll.view.setInt32(0, fd, true)
    this.#poll.view.setInt16(4, POLLOUT, true)
  }

  get isEmpty(): boolean {
    return this.#count === 0
  }

  /** Opens room for one datagram; flushes first where there is none. @returns its offset in `memory`. */
  reserve(maxLengthBytes: number): number {
    if (this.#used + maxLengthBytes > SEND_BATCH_BYTES || this.#count === SEND_BATCH_MESSAGES) this.flush()
    return this.#used
  }

  /** Queues the datagram at the offset that `reserve` returned last. The destination must stay as it is until the next flush. */
  commit(destination: SocketAddressSlot, lengthBytes: number): void {
    const address = destination.memory.address + destination.offset
    const start = this.#used
    this.#used += lengthBytes
    if (this.#openAddress === address) {
      const open = this.#count - 1
      const segmentBytes = this.#segmentBytes[open] as number
      const length = (this.#lengths[open] as number) + lengthBytes
      if (lengthBytes <= segmentBytes && length <= MAX_MESSAGE_BYTES) {
        this.#lengths[open] = length
        const segments = (this.#segments[open] as number) + 1
        this.#segments[open] = segments
        this.#vectors.view.setUint32(open * IOVEC_BYTES + IOVEC_LENGTH_OFFSET, length, true)
        if (segments === 2) {
          this.#controls.view.setUint16(open * CONTROL_BYTES + 16, segmentBytes, true)
          this.#messages.view.setUint32(open * MMSGHDR_BYTES + msghdr.controlLength, CONTROL_BYTES, true)
        }
        if (lengthBytes < segmentBytes || segments === MAX_SEGMENTS) this.#openAddress = 0
        return
      }
    }
    const i = this.#count++
    this.#starts[i] = start
    this.#lengths[i] = lengthBytes
    this.#segmentBytes[i] = lengthBytes
    this.#segments[i] = 1
    const message = i * MMSGHDR_BYTES
    const view = this.#messages.view
    writePointer(view, message + msghdr.name, address)
    view.setUint32(message + msghdr.nameLength, destination.length, true)
    view.setUint32(message + msghdr.controlLength, 0, true)
    writePointer(this.#vectors.view, i * IOVEC_BYTES, this.memory.address + start)
    this.#vectors.view.setUint32(i * IOVEC_BYTES + IOVEC_LENGTH_OFFSET, lengthBytes, true)
    this.#openAddress = this.#useSegmentation ? address : 0
  }

  /** Sends all that is queued. What the kernel does not take in time is dropped and counted: media does not keep. */
  flush(): void {
    let next = 0
    let waits = 0
    while (next < this.#count) {
      const result = sendmmsg(
        this.#fd,
        this.#messages.address + next * MMSGHDR_BYTES,
        this.#count - next,
        MSG_DONTWAIT | MSG_NOSIGNAL,
      )
      this.counters.calls++
      if (result > 0) {
        for (const end = next + result; next < end; next++) this.#countSent(next)
        continue
      }
      const error = errno()
      if (error === EINTR) continue
      if (error === EAGAIN || error === ENOBUFS) {
        if (++waits > MAX_SEND_WAITS || !this.#waitUntilWritable()) break
        continue
      }
      const segmented = (this.#segments[next] as number) > 1
      if (segmented && (error === EINVAL || error === EIO || error === EMSGSIZE)) {
        // EIO: the device cannot checksum segments; EINVAL: a segment is larger than the path's MTU, which only a fragment can cross.
        if (error === EIO) this.#useSegmentation = false
        this.#sendSegmentsSingly(next)
      } else {
        // Most often ECONNREFUSED or EHOSTUNREACH, reported for an earlier datagram or for this one: it concerns one peer only.
        this.counters.droppedRefused += this.#segments[next] as number
      }
      next++
    }
    for (; next < this.#count; next++) this.counters.droppedFull += this.#segments[next] as number
    this.#count = 0
    this.#used = 0
    this.#openAddress = 0
  }

  #countSent(i: number): void {
    this.counters.sentDatagrams += this.#segments[i] as number
    this.counters.sentBytes += this.#lengths[i] as number
  }

  #waitUntilWritable(): boolean {
    return poll(this.#poll.address, 1, SEND_WAIT_MS) > 0
  }

  #sendSegmentsSingly(i: number): void {
    const view = this.#messages.view
    const message = i * MMSGHDR_BYTES
    const address = readPointer(view, message + msghdr.name)
    const addressLength = view.getUint32(message + msghdr.nameLength, true)
    const segmentBytes = this.#segmentBytes[i] as number
    const end = (this.#starts[i] as number) + (this.#lengths[i] as number)
    for (let start = this.#starts[i] as number; start < end; start += segmentBytes) {
      const length = Math.min(segmentBytes, end - start)
      const sent = sendto(
        this.#fd,
        this.memory.address + start,
        length,
        MSG_DONTWAIT | MSG_NOSIGNAL,
        address,
        addressLength,
      )
      this.counters.calls++
      if (sent === length) {
        this.counters.sentDatagrams++
        this.counters.sentBytes += length
      } else {
        this.counters.droppedRefused++
      }
    }
  }
}
