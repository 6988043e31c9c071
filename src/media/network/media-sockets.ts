/** All UDP sockets of the media thread: one per local address, on one port number, so that answers leave from where checks came in. */
import type { ListeningAddress } from '../contract.ts'
import { hasNativeUdp } from '../native/libc.ts'
import { localAddresses } from './local-addresses.ts'
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
  #sockets: MediaSocket[] = []
  #kind: 'native' | 'portable' = 'portable'

  constructor(handler: MediaSocketHandler) {
    this.#handler = handler
  }

  get kind(): 'native' | 'portable' {
    return this.#kind
  }

  get addresses(): ListeningAddress[] {
    return this.#sockets.map(({ address, family, port }) => ({ address, family, port }))
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
    this.#kind = sender === 'portable' || !hasNativeUdp ? 'portable' : 'native'
    for (let choice = 1; ; choice++) {
      try {
        return await this.#openAll(wanted, port)
      } catch (error) {
        this.close()
        if (port !== 0 || codeOf(error) !== 'EADDRINUSE' || choice === PORT_CHOICES) throw error
      }
    }
  }

  /** Sends what all sockets have queued. */
  flush(): void {
    for (const { sender } of this.#sockets) if (!sender.isEmpty) sender.flush()
  }

  close(): void {
    for (const socket of this.#sockets) socket.close()
    this.#sockets = []
  }

  async #openAll(wanted: readonly string[], port: number): Promise<SkippedAddress[]> {
    const skipped: SkippedAddress[] = []
    let chosenPort = port
    for (const { address, family } of localAddresses(wanted)) {
      const index = this.#sockets.length
      try {
        const socket = await MediaSocket.open({
          index, address, family, port: chosenPort, kind: this.#kind, counters: this.counters, handler: this.#handler,
        }) // prettier-ignore
        this.#sockets.push(socket)
        chosenPort = socket.port
      } catch (error) {
        if (wanted.length > 0 || codeOf(error) === 'EADDRINUSE') throw withAddress(error, address, chosenPort)
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
