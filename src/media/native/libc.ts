/** The system calls behind Linux's UDP sockets, and the layouts of their structures (64-bit, little-endian). */
import koffi from 'koffi'
import type { NativeMemory } from './memory.ts'

const libc = koffi.load(null)
const pointer = 'uintptr_t'
type Call<Arguments extends number[]> = (...args: Arguments) => number
type N = number

/** A missing call answers -1 whenever it is used; `hasNativeUdp` says beforehand that it is missing. */
function bindCall<Arguments extends number[]>(name: string, result: string, args: string[]): Call<Arguments> {
  try {
    return libc.func(name, result, args)
  } catch {
    missingCalls.push(name)
    return () => -1
  }
}
const missingCalls: string[] = []

export const socket = bindCall<[N, N, N]>('socket', 'int', ['int', 'int', 'int'])
export const bind = bindCall<[N, N, N]>('bind', 'int', ['int', pointer, 'uint32_t'])
export const setsockopt = bindCall<[N, N, N, N, N]>('setsockopt', 'int', [
  'int',
  'int',
  'int',
  pointer,
  'uint32_t',
])
export const getsockname = bindCall<[N, N, N]>('getsockname', 'int', ['int', pointer, pointer])
export const close = bindCall<[N]>('close', 'int', ['int'])
export const sendmmsg = bindCall<[N, N, N, N]>('sendmmsg', 'int', ['int', pointer, 'uint32_t', 'int'])
export const recvmmsg = bindCall<[N, N, N, N, N]>('recvmmsg', 'int', [
  'int',
  pointer,
  'uint32_t',
  'int',
  pointer,
])
export const sendto = bindCall<[N, N, N, N, N, N]>('sendto', 'long', [
  'int',
  pointer,
  'size_t',
  'int',
  pointer,
  'uint32_t',
])
export const clock_gettime = bindCall<[N, N]>('clock_gettime', 'int', ['int', pointer])
export const poll = bindCall<[N, N, N]>('poll', 'int', [pointer, 'unsigned long', 'int'])

/** Whether this system has the calls, and the layouts below. */
export const hasNativeUdp =
  process.platform === 'linux' &&
  (process.arch === 'x64' || process.arch === 'arm64') &&
  missingCalls.length === 0

export const SOL_SOCKET = 1
export const SOL_UDP = 17
export const UDP_SEGMENT = 103
export const MSG_DONTWAIT = 0x40
export const MSG_NOSIGNAL = 0x4000

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

/** Control messages: struct cmsghdr is length (8), level (4), type (4); the data follow. */
export const CMSG_HEADER_BYTES = 16

/** struct iovec: base, length. */
export const IOVEC_BYTES = 16
export const IOVEC_LENGTH_OFFSET = 8
/** struct mmsghdr: a msghdr (56) and the count of bytes (4), padded. */
export const MMSGHDR_BYTES = 64
export const MESSAGE_LENGTH_OFFSET = 56
/** Offsets in struct msghdr. */
export const msghdr = {
  name: 0,
  nameLength: 8,
  iov: 16,
  iovCount: 24,
  control: 32,
  controlLength: 40,
  flags: 48,
} as const

/** Writes a native pointer (or size): user space addresses are below 2^53. */
export function writePointer(view: DataView, offset: number, address: number): void {
  view.setUint32(offset, address >>> 0, true)
  view.setUint32(offset + 4, Math.floor(address / 0x100000000), true)
}

/** The reverse of `writePointer`. */
export function readPointer(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 0x100000000
}

/** Error number of the last call on this thread. */
export function errno(): number {
  return koffi.errno()
}

export class SystemCallError extends Error {
  override readonly name = 'SystemCallError'
  readonly code: string
  constructor(call: string, number: number) {
    const code =
      Object.entries(koffi.os.errno).find(([, value]) => value === number)?.[0] ?? `errno ${number}`
    super(`${call}: ${code}`)
    this.code = code
  }
}

/** @throws {SystemCallError} where `result` is negative. */
export function mustCall(name: string, result: number): number {
  if (result < 0) throw new SystemCallError(name, errno())
  return result
}
