/** Linux UDP sockets by system call: many datagrams in one call, and runs of equal ones as one message (UDP GSO). */
import koffi from 'koffi'
import { NativeMemory } from './memory.ts'

const libc = koffi.load(null)
const pointer = 'uintptr_t'
type Call<Arguments extends number[]> = (...args: Arguments) => number
function bindCall<Arguments extends number[]>(
  name: string,
  result: string,
  args: string[],
): Call<Arguments> | undefined {
  try {
    return libc.func(name, result, args)
  } catch {
    return undefined // not Linux
  }
}

type N = number
const socketCall = bindCall<[N, N, N]>('socket', 'int', ['int', 'int', 'int'])
const bindSocket = bindCall<[N, N, N]>('bind', 'int', ['int', pointer, 'uint32_t'])
const setsockopt = bindCall<[N, N, N, N, N]>('setsockopt', 'int', ['int', 'int', 'int', pointer, 'uint32_t'])
const getsockname = bindCall<[N, N, N]>('getsockname', 'int', ['int', pointer, pointer])
const closeCall = bindCall<[N]>('close', 'int', ['int'])
const sendmmsg = bindCall<[N, N, N, N]>('sendmmsg', 'int', ['int', pointer, 'uint32_t', 'int'])
const recvmmsg = bindCall<[N, N, N, N, N]>('recvmmsg', 'int', ['int', pointer, 'uint32_t', 'int', pointer])
const sendto = bindCall<[N, N, N, N, N, N]>('sendto', 'ssize_t', [
  'int',
  pointer,
  'size_t',
  'int',
  pointer,
  'uint32_t',
])
const poll = bindCall<[N, N, N]>('poll', 'int', [pointer, 'unsigned long', 'int'])

/** Whether this system has the calls. The structures below are those of 64-bit little-endian Linux. */
export const hasNativeUdp =
  process.platform === 'linux' &&
  (process.arch === 'x64' || process.arch === 'arm64') &&
  sendmmsg !== undefined &&
  recvmmsg !== undefined

const AF_INET = 2
const AF_INET6 = 10
const SOCK_DGRAM = 2
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000
const SOL_SOCKET = 1
const SO_SNDBUF = 7
const SO_RCVBUF = 8
const SO_SNDBUFFORCE = 32
const SO_RCVBUFFORCE = 33
const IPPROTO_IPV6 = 41
const IPV6_V6ONLY = 26
const SOL_UDP = 17
const UDP_SEGMENT = 103
const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000
const MSG_TRUNC = 0x20
const POLLOUT = 4
const EAGAIN = 11
const EINTR = 4
const EINVAL = 22
const EIO = 5
const ENOBUFS = 105
const EMSGSIZE = 90

/** sockaddr_in6 is the longer one with 28 bytes; slots are aligned. */
export const SOCKET_ADDRESS_BYTES = 32
export const IPV4_SOCKET_ADDRESS_BYTES = 16
export const IPV6_SOCKET_ADDRESS_BYTES = 28

/** Where an encoded sockaddr stands. */
export interface SocketAddressSlot {
  readonly memory: NativeMemory
  readonly offset: number
  /** 16 for IPv4, 28 for IPv6. */
  readonly length: number
}

const IOVEC_BYTES = 16
/** struct msghdr (56) and the count (4), padded. */
const MMSGHDR_BYTES = 64
/** cmsghdr (16) and one aligned 16-bit value. */
const CONTROL_BYTES = 24
const UDP_SEGMENT_CMSG_LENGTH = 18

/** Wanted for the kernel's buffers: a second of 30 Mbit/s. Granted up to net.core.rmem_max and wmem_max unless privileged. */
export const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024

export class SystemCallError extends Error {
  override readonly name = 'SystemCallError'
  readonly code: string
  constructor(call: string, errno: number) {
    const code = Object.entries(koffi.os.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`
    super(`${call}: ${code}`)
    this.code = code
  }
}

function mustCall(name: string, result: number): number {
  if (result < 0) throw new SystemCallError(name, koffi.errno())
  return result
}

/**
 * Opens a non-blocking UDP socket.
 * @param socketAddress an encoded sockaddr (see network/socket-address.ts); its port may be 0.
 * @returns the file descriptor; and the port, which the system may have chosen. @throws {SystemCallError}
 */
export function openUdpSocket(socketAddress: Uint8Array, family: 4 | 6): { fd: number; port: number } {
  if (!socketCall || !bindSocket || !setsockopt || !getsockname || !closeCall)
    throw new Error('native UDP needs Linux')
  const scratch = new NativeMemory(256)
  const fd = mustCall(
    'socket',
    socketCall(family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
  )
  try {
    const setInteger = (level: number, option: number, value: number): number => {
      scratch.view.setInt32(64, value, true)
      return setsockopt(fd, level, option, scratch.address + 64, 4)
    }
    if (family === 6) mustCall('IPV6_V6ONLY', setInteger(IPPROTO_IPV6, IPV6_V6ONLY, 1))
    if (setInteger(SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER_BYTES) < 0)
      setInteger(SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER_BYTES)
    if (setInteger(SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER_BYTES) < 0)
      setInteger(SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER_BYTES)
    scratch.bytes.set(socketAddress)
    const length = family === 4 ? IPV4_SOCKET_ADDRESS_BYTES : IPV6_SOCKET_ADDRESS_BYTES
    mustCall('bind', bindSocket(fd, scratch.address, length))
    scratch.view.setUint32(64, SOCKET_ADDRESS_BYTES, true)
    mustCall('getsockname', getsockname(fd, scratch.address, scratch.address + 64))
    return { fd, port: scratch.view.getUint16(2) }
  } catch (error) {
    closeCall(fd)
    throw error
  }
}

/** Writes a native pointer: user space addresses are below 2^53. */
function writePointer(view: DataView, offset: number, address: number): void {
  view.setUint32(offset, address >>> 0, true)
  view.setUint32(offset + 4, Math.floor(address / 0x100000000), true)
}

/** Layout of struct msghdr on 64-bit Linux: offsets in bytes. */
const msghdr = {
  name: 0,
  nameLength: 8,
  iov: 16,
  iovCount: 24,
  control: 32,
  controlLength: 40,
  flags: 48,
} as const
const MESSAGE_LENGTH_OFFSET = 56

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
      writePointer(this.#vectors.view, i * IOVEC_BYTES + 8, RECEIVE_SLOT_BYTES)
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
    const count = (recvmmsg as Call<[N, N, N, N, N]>)(
      fd,
      this.#messages.address,
      RECEIVE_BATCH,
      MSG_DONTWAIT,
      0,
    )
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

/** Messages per system call (UIO_MAXIOV is 1024). */
const SEND_BATCH_MESSAGES = 256
/** Room for the datagrams of one batch. */
const SEND_BATCH_BYTES = 512 * 1024
/** UDP_MAX_SEGMENTS of every kernel that has UDP GSO. */
const MAX_SEGMENTS = 64
/** One message with all its segments is still one IP packet for the upper half of the stack. */
const MAX_MESSAGE_BYTES = 65_000
/** How long a full send buffer may hold up the thread before what is left is dropped. */
const SEND_WAIT_MS = 2

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
    this.#useSegmentation =
      (setsockopt as Call<[N, N, N, N, N]>)(fd, SOL_UDP, UDP_SEGMENT, this.#poll.address + 16, 4) === 0
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
        this.#vectors.view.setUint32(open * IOVEC_BYTES + 8, length, true)
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
    this.#vectors.view.setUint32(i * IOVEC_BYTES + 8, lengthBytes, true)
    this.#openAddress = this.#useSegmentation ? address : 0
  }

  /** Sends all that is queued. What the kernel does not take within `SEND_WAIT_MS` is dropped and counted: media does not keep. */
  flush(): void {
    let next = 0
    let waited = false
    while (next < this.#count) {
      const call = sendmmsg as Call<[N, N, N, N]>
      const result = call(
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
      const errno = koffi.errno()
      if (errno === EINTR) continue
      if (errno === EAGAIN || errno === ENOBUFS) {
        if (waited || !this.#waitUntilWritable()) break
        waited = true
        continue
      }
      const segmented = (this.#segments[next] as number) > 1
      if (segmented && (errno === EINVAL || errno === EIO || errno === EMSGSIZE)) {
        // EIO: the device cannot checksum segments; EINVAL: a segment is larger than the path's MTU, which only a fragment can cross.
        if (errno === EIO) this.#useSegmentation = false
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
    return (poll as Call<[N, N, N]>)(this.#poll.address, 1, SEND_WAIT_MS) > 0
  }

  #sendSegmentsSingly(i: number): void {
    const view = this.#messages.view
    const message = i * MMSGHDR_BYTES
    const address = view.getUint32(message, true) + view.getUint32(message + 4, true) * 0x100000000
    const addressLength = view.getUint32(message + msghdr.nameLength, true)
    const segmentBytes = this.#segmentBytes[i] as number
    const end = (this.#starts[i] as number) + (this.#lengths[i] as number)
    for (let start = this.#starts[i] as number; start < end; start += segmentBytes) {
      const length = Math.min(segmentBytes, end - start)
      const call = sendto as Call<[N, N, N, N, N, N]>
      const sent = call(
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
