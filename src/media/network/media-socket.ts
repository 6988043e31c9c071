/** One bound UDP socket: receives in batches, and owns the sender for its address. */
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { SOCKET_ADDRESS_BYTES } from '../native/libc.ts'
import { NativeMemory } from '../native/memory.ts'
import { NativeReceiver, RECEIVE_BATCH, RECEIVE_SLOT_BYTES } from '../native/udp-receiver.ts'
import { NativeSender } from '../native/udp-sender.ts'
import type { SendCounters } from '../native/udp-sender.ts'
import { SOCKET_BUFFER_BYTES, openUdpSocket } from '../native/udp-socket.ts'
import { PortableUdpSender } from './portable-udp-sender.ts'
import { writeSocketAddress } from './socket-address.ts'
import type { UdpSender } from './udp-sender.ts'

/** Batches that one wake-up may take before timers and commands have their turn. */
const MAX_BATCHES_PER_TURN = 8

export interface MediaSocketHandler {
  /** One datagram, which has waited for `ageMs`; `addressMemory` holds its sender. Both are valid until `onBatchEnd` returns. */
  onDatagram(
    socket: MediaSocket,
    memory: NativeMemory,
    offset: number,
    length: number,
    addressMemory: NativeMemory,
    addressOffset: number,
    ageMs: number,
  ): void
  /** What was received together has been handed over: the time to send what came of it. */
  onBatchEnd(): void
  onSocketError(socket: MediaSocket, error: Error): void
}

export interface MediaSocketOptions {
  readonly index: number
  readonly address: string
  readonly family: 4 | 6
  /** 0 lets the system choose. */
  readonly port: number
  readonly kind: 'native' | 'portable'
  readonly counters: SendCounters
  readonly handler: MediaSocketHandler
}

// A batch is used up before the next one is taken, so one receiver serves all sockets of the thread.
let sharedReceiver: NativeReceiver | undefined

export class MediaSocket {
  readonly index: number
  readonly address: string
  readonly family: 4 | 6
  readonly port: number
  readonly sender: UdpSender
  readonly #socket: Socket
  readonly #fd: number
  readonly #handler: MediaSocketHandler
  readonly #first = new NativeMemory(RECEIVE_SLOT_BYTES)
  readonly #firstAddress = new NativeMemory(SOCKET_ADDRESS_BYTES)
  #endOfTurn: NodeJS.Immediate | undefined
  #closed = false

  private constructor(options: MediaSocketOptions, socket: Socket, fd: number, port: number) {
    this.index = options.index
    this.address = options.address
    this.family = options.family
    this.port = port
    this.#socket = socket
    this.#fd = fd
    this.#handler = options.handler
    this.sender =
      fd < 0 ? new PortableUdpSender(socket, options.counters) : new NativeSender(fd, options.counters)
    socket.on('message', (message, remote) => this.#onMessage(message, remote.address, remote.port))
    socket.on('error', (error) => options.handler.onSocketError(this, error))
  }

  /** Binds a socket. @throws an Error with a system error's `code`, such as EADDRINUSE. */
  static async open(options: MediaSocketOptions): Promise<MediaSocket> {
    const socket = createSocket({
      type: options.family === 4 ? 'udp4' : 'udp6',
      ipv6Only: options.family === 6,
      ...(options.kind === 'portable'
        ? { recvBufferSize: SOCKET_BUFFER_BYTES, sendBufferSize: SOCKET_BUFFER_BYTES }
        : {}),
    })
    try {
      if (options.kind === 'portable') {
        const listening = once(socket, 'listening')
        socket.bind({ address: options.address, port: options.port, exclusive: true })
        await listening
        return new MediaSocket(options, socket, -1, socket.address().port)
      }
      const encoded = new NativeMemory(SOCKET_ADDRESS_BYTES)
      const length = writeSocketAddress(encoded.bytes, encoded.view, 0, options.address, options.port)
      const { fd, port } = openUdpSocket(encoded.bytes.subarray(0, length), options.family)
      // With a descriptor, dgram emits 'listening' before bind returns.
      const listening = once(socket, 'listening')
      socket.bind({ fd, exclusive: true })
      await listening
      return new MediaSocket(options, socket, fd, port)
    } catch (error) {
      socket.close()
      throw error
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#endOfTurn !== undefined) clearImmediate(this.#endOfTurn)
    if (this.sender instanceof PortableUdpSender) this.sender.whenIdle(() => this.#socket.close())
    else this.#socket.close()
  }

  /** The event loop hands over the first datagram; the rest is then taken in batches, without an allocation for each. */
  #onMessage(message: Buffer, address: string, port: number): void {
    if (this.#fd < 0) {
      this.#takeFirst(message, address, port, 0)
      this.#endOfTurn ??= setImmediate(() => {
        this.#endOfTurn = undefined
        this.#handler.onBatchEnd()
      })
      return
    }
    const receiver = (sharedReceiver ??= new NativeReceiver())
    let count = receiver.receive(this.#fd)
    // The first one has come no later than the next, whose arrival the kernel has noted.
    this.#takeFirst(message, address, port, count > 0 ? receiver.ageOf(0) : 0)
    for (let batch = 1; ; batch++) {
      for (let i = 0; i < count; i++) this.#take(receiver, i)
      this.#handler.onBatchEnd()
      if (count < RECEIVE_BATCH || batch === MAX_BATCHES_PER_TURN) return
      count = receiver.receive(this.#fd)
    }
  }

  #takeFirst(message: Buffer, address: string, port: number, ageMs: number): void {
    if (message.length > RECEIVE_SLOT_BYTES) return
    this.#first.bytes.set(message)
    writeSocketAddress(this.#firstAddress.bytes, this.#firstAddress.view, 0, address, port)
    this.#handler.onDatagram(this, this.#first, 0, message.length, this.#firstAddress, 0, ageMs)
  }

  #take(receiver: NativeReceiver, i: number): void {
    const length = receiver.lengthOf(i)
    if (length < 0) return
    const { memory, addresses } = receiver
    const ageMs = receiver.ageOf(i)
    this.#handler.onDatagram(
      this,
      memory,
      i * RECEIVE_SLOT_BYTES,
      length,
      addresses,
      i * SOCKET_ADDRESS_BYTES,
      ageMs,
    )
  }
}
