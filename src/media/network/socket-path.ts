/** Paths (a local socket and a remote address) and the table that finds the peer of a datagram by where it came from. */
import { SOCKET_ADDRESS_BYTES } from '../native/libc.ts'
import { NativeMemory } from '../native/memory.ts'
import type { Path } from '../transport/ports.ts'
import {
  addressBytesOffset,
  describeSocketAddress,
  socketAddressFamily,
  socketAddressLength,
} from './socket-address.ts'
import type { UdpDestination, UdpSender } from './udp-sender.ts'

/** Paths of all sessions together. */
const MAX_PATHS = 65_536
/** Addresses are kept in blocks, so that a path costs no ArrayBuffer of its own. */
const ADDRESSES_PER_BLOCK = 256

/** What a path needs of its socket. */
export interface PathSocket {
  readonly index: number
  readonly sender: UdpSender
}

/** A path; its address is in `memory` at `offset`, which must not change while it is in use. */
export class SocketPath implements Path, UdpDestination {
  socket: PathSocket
  memory: NativeMemory
  offset: number
  length = 0
  family: 4 | 6 = 4
  /** Set while the path is in the table. */
  key = -1

  constructor(socket: PathSocket, memory: NativeMemory, offset: number) {
    this.socket = socket
    this.memory = memory
    this.offset = offset
    this.readFamily()
  }

  /** To be called when the address in memory has changed. */
  readFamily(): void {
    this.family = socketAddressFamily(this.memory.view, this.offset)
    this.length = socketAddressLength(this.family)
  }

  describe(): string {
    return describeSocketAddress(this.memory.bytes, this.memory.view, this.offset)
  }

  get remotePort(): number {
    return this.memory.view.getUint16(this.offset + 2)
  }

  get remoteAddress(): string {
    const text = this.describe()
    return this.family === 4 ? text.slice(0, text.lastIndexOf(':')) : text.slice(1, text.lastIndexOf(']'))
  }

  /**
   *      |0 0 0 0 0 0 0 0|    Family     |         X-Port                |
   *      |                X-Address (Variable)                           |
   *
   * XORed with the magic cookie and, for IPv6, the transaction id behind it (RFC 8489 section 14.2).
   */
  writeXorMappedAddress(view: DataView, offset: number, transactionIdOffset: number): number {
    const from = addressBytesOffset(this.family, this.offset)
    const length = this.family === 4 ? 4 : 16
    view.setUint8(offset, 0)
    view.setUint8(offset + 1, this.family === 4 ? 1 : 2)
    // `transactionIdOffset` is where the magic cookie stands, with the transaction id behind it.
    view.setUint16(offset + 2, this.remotePort ^ view.getUint16(transactionIdOffset))
    for (let i = 0; i < length; i++) {
      view.setUint8(
        offset + 4 + i,
        (this.memory.bytes[from + i] as number) ^ view.getUint8(transactionIdOffset + i),
      )
    }
    return 4 + length
  }

  hasAddressAt(memory: NativeMemory, offset: number): boolean {
    for (let i = 0; i < this.length; i++)
      if (this.memory.bytes[this.offset + i] !== memory.bytes[offset + i]) return false
    return true
  }
}

/** Which owner a remote address belongs to. */
export class PathTable<Owner> {
  readonly #entries = new Map<number, { path: SocketPath; owner: Owner }>()
  readonly #freeSlots: { memory: NativeMemory; offset: number }[] = []
  /** Slots of removed paths: what is queued may still be sent to them. */
  readonly #retiredSlots: { memory: NativeMemory; offset: number }[] = []
  readonly #seed: number

  /** @param seed random 32 bits, so that nobody can choose addresses that collide. */
  constructor(seed: number) {
    this.#seed = seed >>> 0
  }

  get size(): number {
    return this.#entries.size
  }

  /** Finds the owner of the address encoded at `offset`, as seen by `socket`. */
  find(
    socket: PathSocket,
    memory: NativeMemory,
    offset: number,
  ): { path: SocketPath; owner: Owner } | undefined {
    const entry = this.#entries.get(this.#keyOf(socket, memory, offset))
    return entry !== undefined && entry.path.socket === socket && entry.path.hasAddressAt(memory, offset)
      ? entry
      : undefined
  }

  /**
   * Enters a lasting copy of `path`. An address that belonged to another owner changes hands: a client may use its port for a new session
   * before the old one has ended. @returns undefined when the table is full.
   */
  add(path: SocketPath, owner: Owner): SocketPath | undefined {
    const key = this.#keyOf(path.socket, path.memory, path.offset)
    const known = this.#entries.get(key)
    if (
      known !== undefined &&
      known.owner === owner &&
      known.path.socket === path.socket &&
      known.path.hasAddressAt(path.memory, path.offset)
    ) {
      return known.path
    }
    if (this.#entries.size >= MAX_PATHS) return undefined
    const slot = this.#takeSlot()
    for (let i = 0; i < path.length; i++)
      slot.memory.bytes[slot.offset + i] = path.memory.bytes[path.offset + i] as number
    const lasting = new SocketPath(path.socket, slot.memory, slot.offset)
    lasting.key = key
    this.#entries.set(key, { path: lasting, owner })
    return lasting
  }

  remove(path: SocketPath): void {
    if (path.key < 0) return
    if (this.#entries.get(path.key)?.path === path) this.#entries.delete(path.key)
    this.#retiredSlots.push({ memory: path.memory, offset: path.offset })
    path.key = -1
  }

  /** To be called when everything that was queued has been sent: the addresses of removed paths may now be written over. */
  recycle(): void {
    for (let slot = this.#retiredSlots.pop(); slot !== undefined; slot = this.#retiredSlots.pop())
      this.#freeSlots.push(slot)
  }

  #takeSlot(): { memory: NativeMemory; offset: number } {
    const slot = this.#freeSlots.pop()
    if (slot !== undefined) return slot
    const memory = new NativeMemory(ADDRESSES_PER_BLOCK * SOCKET_ADDRESS_BYTES)
    for (let i = 1; i < ADDRESSES_PER_BLOCK; i++)
      this.#freeSlots.push({ memory, offset: i * SOCKET_ADDRESS_BYTES })
    return { memory, offset: 0 }
  }

  /** A number below 2^53: exact for IPv4 and up to 32 sockets, a seeded hash else (`find` compares the address itself). */
  #keyOf(socket: PathSocket, memory: NativeMemory, offset: number): number {
    const { view } = memory
    const port = view.getUint16(offset + 2)
    if (socketAddressFamily(view, offset) === 4) {
      return (socket.index % 16) * 0x1000000000000 + view.getUint32(offset + 4) * 0x10000 + port
    }
    let high = (this.#seed ^ socket.index) | 0
    let low = (this.#seed ^ port) | 0
    for (let i = 8; i < 24; i += 4) {
      const word = view.getUint32(offset + i, true)
      low = Math.imul(low ^ word, 0x9e3779b1)
      low ^= low >>> 15
      high = Math.imul(high ^ low, 0x85ebca6b)
      high ^= high >>> 13
    }
    // The top bit parts the IPv6 half of the key space from the IPv4 half.
    return 0x10000000000000 + (high & 0xfffff) * 0x100000000 + (low >>> 0)
  }
}
