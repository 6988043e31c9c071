/** Takes many datagrams from a socket in one system call (recvmmsg). */
import {
  IOVEC_BYTES,
  IOVEC_LENGTH_OFFSET,
  MESSAGE_LENGTH_OFFSET,
  MMSGHDR_BYTES,
  MSG_DONTWAIT,
  SOCKET_ADDRESS_BYTES,
  msghdr,
  recvmmsg,
  writePointer,
} from './libc.ts'
import { NativeMemory } from './memory.ts'

const MSG_TRUNC = 0x20

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

  constructor() {
    for (let i = 0; i < RECEIVE_BATCH; i++) {
      writePointer(this.#vectors.view, i * IOVEC_BYTES, this.memory.address + i * RECEIVE_SLOT_BYTES)
      writePointer(this.#vectors.view, i * IOVEC_BYTES + IOVEC_LENGTH_OFFSET, RECEIVE_SLOT_BYTES)
      const message = i * MMSGHDR_BYTES
      const view = this.#messages.view
      writePointer(view, message + msghdr.name, this.addresses.address + i * SOCKET_ADDRESS_BYTES)
      writePointer(view, message + msghdr.iov, this.#vectors.address + i * IOVEC_BYTES)
      view.setUint32(message + msghdr.iovCount, 1, true)
    }
  }

  /** @returns how many datagrams were taken, 0 when there are none (or the socket reported an error, which is then cleared). */
  receive(fd: number): number {
    const view = this.#messages.view
    for (let i = 0; i < RECEIVE_BATCH; i++)
      view.setUint32(i * MMSGHDR_BYTES + msghdr.nameLength, SOCKET_ADDRESS_BYTES, true)
    const count = recvmmsg(fd, this.#messages.address, RECEIVE_BATCH, MSG_DONTWAIT, 0)
    return count > 0 ? count : 0
  }

  /** Length of datagram `i` of the last call, or -1 where it was too long for its slot. */
  lengthOf(i: number): number {
    const message = i * MMSGHDR_BYTES
    const view = this.#messages.view
    if ((view.getUint32(message + msghdr.flags, true) & MSG_TRUNC) !== 0) return -1
    return view.getUint32(message + MESSAGE_LENGTH_OFFSET, true)
  }
}
