/** All UDP sockets of the media thread: one per local address, on one port number, so that answers leave from where checks came in. */
import type { ListeningAddress } from '../contract.ts'
import { hasNativeUdp } from '../native/libc.ts'
import { localAddresses } from './local-addresses.ts'
import type { LocalAddress } from './local-addresses.ts'
import { MediaSocket } from './media-socket.ts'
import type { MediaSocketHandler } from './media-socket.ts'
import { createSendCounters } from './udp-sender.ts'

/** With port 0: a number that the system gave for one address may be taken on another; then all is tried again. */
const PORT_CHOICES = 10

export interface SkippedAddress {
  readonly address: string
  readonly error: Error
}

export class MediaSockets {
  readonly counters = createSendCounters()
  readonly #handler: MediaSocketHandler
  readonly #listAddresses: (wanted: readonly string[]) => LocalAddress[]
  #sockets: MediaSocket[] = []
  /** Addresses that the machine has now; a socket whose address is gone is kept for its sessions, but not offered. */
  #present: ReadonlySet<string> = new Set()
  #wanted: readonly string[] = []
  #kind: 'native' | 'portable' = 'portable'
  #closed = false

  constructor(handler: MediaSocketHandler, listAddresses = localAddresses) {
    this.#handler = handler
    this.#listAddresses = listAddresses
  }

  get kind(): 'native' | 'portable' {
    return this.#kind
  }

  get addresses(): ListeningAddress[] {
    return this.#sockets
      .filter(({ address }) => this.#present.has(address))
      .map(({ address, family, port }) => ({ address, family, port }))
  }

  /**
   * Binds every local address, or those that are wanted, to one port.
   * @returns the addresses that could not be bound although others could (gone in between, IPv6 switched off).
   * @throws where an address is in use, where a wanted address cannot be bound, or where none can.
   */
  async open(
    wanted: readonly string[],
    port: number,
    sender: 'auto' | 'native' | 'portable',
  ): Promise<SkippedAddress[]> {
    if (sender === 'native' && !hasNativeUdp)
      throw new Error("the 'native' UDP sender needs Linux on x64 or arm64: use 'auto'")
    this.#wanted = wanted
    this.#kind = sender === 'portable' || !hasNativeUdp ? 'portable' : 'native'
    for (let choice = 1; ; choice++) {
      try {
        return await this.#openAll(port)
      } catch (error) {
        this.#closeAll()
        if (port !== 0 || codeOf(error) !== 'EADDRINUSE' || choice === PORT_CHOICES) throw error
      }
    }
  }

  /** Sends what all sockets have queued. */
  flush(): void {
    for (const { sender } of this.#sockets) if (!sender.isEmpty) sender.flush()
  }

  /**
   * Binds addresses that the machine has got since (a network that came up after the start, a laptop that moved), on the same port.
   * One that cannot be bound yet is tried again the next time. @returns whether `addresses` has changed.
   */
  async refresh(): Promise<boolean> {
    const [first] = this.#sockets
    if (first === undefined || this.#wanted.length > 0) return false
    const before = this.#describe()
    const found = this.#listAddresses(this.#wanted)
    for (const { address, family } of found) {
      if (this.#sockets.some((socket) => socket.address === address)) continue
      try {
        const socket = await this.#open(address, family, first.port)
        if (this.#closed) socket.close()
        else this.#sockets.push(socket)
      } catch {
        // Not ours yet (duplicate address detection), or the port is taken there.
      }
    }
    this.#present = new Set(found.map(({ address }) => address))
    return !this.#closed && this.#describe() !== before
  }

  close(): void {
    this.#closed = true
    this.#closeAll()
  }

  #describe(): string {
    return this.addresses.map(({ address }) => address).join(' ')
  }

  #closeAll(): void {
    for (const socket of this.#sockets) socket.close()
    this.#sockets = []
  }

  #open(address: string, family: 4 | 6, port: number): Promise<MediaSocket> {
    const index = this.#sockets.length
    return MediaSocket.open({
      index, address, family, port, kind: this.#kind, counters: this.counters, handler: this.#handler,
    }) // prettier-ignore
  }

  async #openAll(port: number): Promise<SkippedAddress[]> {
    const skipped: SkippedAddress[] = []
    let chosenPort = port
    const found = this.#listAddresses(this.#wanted)
    this.#present = new Set(found.map(({ address }) => address))
    for (const { address, family } of found) {
      try {
        const socket = await this.#open(address, family, chosenPort)
        this.#sockets.push(socket)
        chosenPort = socket.port
      } catch (error) {
        if (this.#wanted.length > 0 || codeOf(error) === 'EADDRINUSE')
          throw withAddress(error, address, chosenPort)
        skipped.push({ address, error: error as Error })
      }
    }
    const [first] = skipped
    if (this.#sockets.length === 0) throw first?.error ?? new Error('this machine has no IP address')
    return skipped
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}

function withAddress(error: unknown, address: string, port: number): Error {
  const code = codeOf(error)
  return Object.assign(
    new Error(`cannot bind UDP ${address} port ${port}: ${String(error)}`, { cause: error }),
    { code },
  )
}
