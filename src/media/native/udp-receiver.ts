/** Takes many datagrams from a socket in one system call (recvmmsg). */
import {
  CMSG_HEADER_BYTES,
  IOVEC_BYTES,
  IOVEC_LENGTH_OFFSET,
  MESSAGE_LENGTH_OFFSET,
  MMSGHDR_BYTES,
  MSG_DONTWAIT,
  SOCKET_ADDRESS_BYTES,
  SOL_SOCKET,
  clock_gettime,
  msghdr,
  readPointer,
  recvmmsg,
  writePointer,
} from './libc.ts'
import { NativeMemory } from './memory.ts'

const MSG_TRUNC = 0x20
const CLOCK_REALTIME = 0
const SCM_TIMESTAMPNS = 35
/** One control message with a struct timespec: seconds (8), nanoseconds (8). */
const CONTROL_BYTES = CMSG_HEADER_BYTES + 16
/** A time stamp further off than this tells of a clock that was set, not of a datagram that waited. */
const MAX_AGE_MS = 1_000

/** Datagrams taken per call; also how many a busy socket may deliver before timers and commands have their turn. */
export const RECEIVE_BATCH = 64
/** Longer datagrams than any path MTU are truncated by the kernel, and dropped. */
export const RECEIVE_SLOT_BYTES = 2048

/** Takes up to `RECEIVE_BATCH` datagrams from a socket in one call. One for all sockets of a thread: a batch is used up at once. */
export class NativeReceiver {
  /** Slot `i` holds datagram `i` at `i * RECEIVE_SLOT_BYTES`. */
  readonly memory = new NativeMemory(RECEIVE_BATCH * RECEIVE_SLOT_BYTES)
  /** Slot `i` holds its sender at `i * SOCKET_ADDRESS_BYTES`. */
  readonly addresses = new NativeMemory(RECEIVE_BATCH * SOCKET_ADDRESS_BYTES)
  readonly #messages = new NativeMemory(RECEIVE_BATCH * MMSGHDR_BYTES)
  readonly #vectors = new NativeMemory(RECEIVE_BATCH * IOVEC_BYTES)
  readonly #controls = new NativeMemory(RECEIVE_BATCH * CONTROL_BYTES)
  readonly #clock = new NativeMemory(16)

  constructor() {
    for (let i = 0; i < RECEIVE_BATCH; i++) {
      writePointer(this.#vectors.view, i * IOVEC_BYTES, this.memory.address + i * RECEIVE_SLOT_BYTES)
      writePointer(this.#vectors.view, i * IOVEC_BYTES + IOVEC_LENGTH_OFFSET, RECEIVE_SLOT_BYTES)
      const message = i * MMSGHDR_BYTES
      const view = this.#messages.view
      writePointer(view, message + msghdr.name, this.addresses.address + i * SOCKET_ADDRESS_BYTES)
      writePointer(view, message + msghdr.iov, this.#vectors.address + i * IOVEC_BYTES)
      view.setUint32(message + msghdr.iovCount, 1, true)
      writePointer(view, message + msghdr.control, this.#controls.address + i * CONTROL_BYTES)
    }
  }

  /** @returns how many datagrams were taken, 0 when there are none (or the socket reported an error, which is then cleared). */
  receive(fd: number): number {
    const view = this.#messages.view
    for (let i = 0; i < RECEIVE_BATCH; i++) {
      view.setUint32(i * MMSGHDR_BYTES + msghdr.nameLength, SOCKET_ADDRESS_BYTES, true)
      view.setUint32(i * MMSGHDR_BYTES + msghdr.controlLength, CONTROL_BYTES, true)
    }
    const count = recvmmsg(fd, this.#messages.address, RECEIVE_BATCH, MSG_DONTWAIT, 0)
    if (count <= 0) return 0
    clock_gettime(CLOCK_REALTIME, this.#clock.address)
    return count
  }

  /**
   * How long datagram `i` of the last call had waited in the kernel by then, in ms. Senders judge the path by when their packets arrived
   * (transport-wide feedback), not by when this thread found the time to look.
   */
  ageOf(i: number): number {
    const { view } = this.#controls
    const control = i * CONTROL_BYTES
    const length = this.#messages.view.getUint32(i * MMSGHDR_BYTES + msghdr.controlLength, true)
    const isTimestamp =
      length === CONTROL_BYTES &&
      view.getUint32(control + 8, true) === SOL_SOCKET &&
      view.getUint32(control + 12, true) === SCM_TIMESTAMPNS
    if (!isTimestamp) return 0
    const clock = this.#clock.view
    const seconds = readPointer(clock, 0) - readPointer(view, control + CMSG_HEADER_BYTES)
    const nanoseconds = clock.getInt32(8, true) - view.getInt32(control + CMSG_HEADER_BYTES + 8, true)
    const age = seconds * 1e3 + nanoseconds / 1e6
    return age > 0 && age < MAX_AGE_MS ? age : 0
  }

  /** Length of datagram `i` of the last call, or -1 where it was too long for its slot. */
  lengthOf(i: number): number {
    const message = i * MMSGHDR_BYTES
    const view = this.#messages.view
    if ((view.getUint32(message + msghdr.flags, true) & MSG_TRUNC) !== 0) return -1
    return view.getUint32(message + MESSAGE_LENGTH_OFFSET, true)
  }
}
