/** From a datagram on the shared port to the session it belongs to: by ICE ufrag at first, by address after that. */
import type { NativeMemory } from './native/memory.ts'
import type { MediaSocket } from './network/media-socket.ts'
import { PathTable, SocketPath } from './network/socket-path.ts'
import type { MediaSession } from './session.ts'
import { classifyDatagram } from './transport/datagram-class.ts'
import type { Path, PathRegistry } from './transport/ports.ts'
import { createStunMessage, parseStun } from './transport/stun.ts'

/** The longest ufrag (RFC 8839 section 5.4). */
const MAX_UFRAG_BYTES = 256
const COLON = 0x3a

export interface DatagramRouterOptions {
  readonly findByUfrag: (ufrag: string) => MediaSession | undefined
  readonly countDrop: (reason: string) => void
  /** Random 32 bits. */
  readonly seed: number
}

export class DatagramRouter {
  readonly #paths: PathTable<MediaSession>
  readonly #findByUfrag: (ufrag: string) => MediaSession | undefined
  readonly #countDrop: (reason: string) => void
  readonly #stun = createStunMessage()
  #transientPath: SocketPath | undefined
  packets = 0
  bytes = 0

  constructor({ findByUfrag, countDrop, seed }: DatagramRouterOptions) {
    this.#paths = new PathTable(seed)
    this.#findByUfrag = findByUfrag
    this.#countDrop = countDrop
  }

  /** Where a session's peer enters the addresses that it has proven. */
  registryOf(session: MediaSession): PathRegistry {
    return {
      retain: (path: Path) => this.#paths.add(path as SocketPath, session),
      release: (path: Path) => this.#paths.remove(path as SocketPath),
    }
  }

  /**
   * Hands one datagram to its session's peer.
   * @returns the session whose deadlines may have changed, or undefined: media packets are looked after when their stream is flushed.
   */
  route(
    socket: MediaSocket,
    memory: NativeMemory,
    offset: number,
    length: number,
    addresses: NativeMemory,
    addressOffset: number,
    nowMs: number,
  ): MediaSession | undefined {
    this.packets++
    this.bytes += length
    if (length < 2) return this.#drop('too-short')
    const { bytes } = memory
    const kind = classifyDatagram(bytes[offset] as number, bytes[offset + 1] as number)
    if (kind === 'stun')
      return this.#routeStun(socket, memory, offset, length, addresses, addressOffset, nowMs)
    const session = this.#paths.find(socket, addresses, addressOffset)?.owner
    if (session === undefined) return this.#drop('unknown-address')
    switch (kind) {
      case 'rtp':
        session.peer.receiveSrtp(memory, offset, length, nowMs)
        return undefined
      case 'rtcp':
        session.peer.receiveSrtcp(memory, offset, length, nowMs)
        return session
      case 'dtls':
        session.peer.receiveDtls(memory, offset, length, nowMs)
        return session
      case 'unknown':
        return this.#drop('unknown-protocol')
    }
  }

  /** To be called after each flush of the sockets. */
  afterFlush(): void {
    this.#paths.recycle()
  }

  #routeStun(
    socket: MediaSocket,
    memory: NativeMemory,
    offset: number,
    length: number,
    addresses: NativeMemory,
    addressOffset: number,
    nowMs: number,
  ): MediaSession | undefined {
    const stun = this.#stun
    if (!parseStun(memory.bytes, memory.view, offset, length, stun)) return this.#drop('stun-malformed')
    const session = this.#findByUfrag(localUfragOf(memory.bytes, stun.usernameOffset, stun.usernameLength))
    if (session === undefined) return this.#drop('stun-unknown-ufrag')
    const known = this.#paths.find(socket, addresses, addressOffset)
    const path = known?.owner === session ? known.path : this.#transient(socket, addresses, addressOffset)
    session.peer.receiveStun(memory, stun, path, nowMs)
    return session
  }

  /** The path of a datagram from an address that has proven nothing; valid until the batch ends. */
  #transient(socket: MediaSocket, addresses: NativeMemory, addressOffset: number): SocketPath {
    const path = (this.#transientPath ??= new SocketPath(socket, addresses, addressOffset))
    path.socket = socket
    path.memory = addresses
    path.offset = addressOffset
    path.readFamily()
    return path
  }

  #drop(reason: string): undefined {
    this.#countDrop(reason)
  }
}

/** The part of a USERNAME in front of the colon: the receiver's own ufrag (RFC 8445 section 7.2.2). */
function localUfragOf(bytes: Uint8Array, offset: number, length: number): string {
  let end = 0
  while (end < length && end < MAX_UFRAG_BYTES && bytes[offset + end] !== COLON) end++
  return String.fromCharCode(...bytes.subarray(offset, offset + end))
}
