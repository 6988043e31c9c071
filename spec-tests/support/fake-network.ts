/** The network below a peer, for tests: paths are names, datagrams land in a list. */
import { NativeMemory } from '../../src/media/native/memory.ts'
import type { DatagramOutput, Path, PathRegistry } from '../../src/media/transport/ports.ts'

export interface SentDatagram {
  readonly path: string
  readonly bytes: Buffer
}

/** A path as the network hands it over: a new object for every datagram until it is retained. */
export class FakePath implements Path {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
  describe(): string {
    return this.name
  }
  /** Stands for the address 192.0.2.1:32853. */
  writeXorMappedAddress(view: DataView, offset: number): number {
    view.setUint32(offset, 0x0001a147)
    view.setUint32(offset + 4, 0xe112a643)
    return 8
  }
}

export class FakeNetwork implements DatagramOutput, PathRegistry {
  readonly sent: SentDatagram[] = []
  readonly retained = new Map<string, FakePath>()
  readonly #memory = new NativeMemory(8192)
  #reserved: Path | undefined
  /** Set to refuse further paths. */
  isFull = false

  reserve(path: Path): number {
    this.#reserved = path
    return 100
  }

  memory(): NativeMemory {
    return this.#memory
  }

  commit(path: Path, lengthBytes: number): void {
    if (path !== this.#reserved) throw new Error('committed to another path than was reserved for')
    this.sent.push({
      path: path.describe(),
      bytes: Buffer.from(this.#memory.bytes.slice(100, 100 + lengthBytes)),
    })
  }

  retain(path: Path): Path | undefined {
    if (this.isFull) return undefined
    const name = path.describe()
    const lasting = this.retained.get(name) ?? new FakePath(name)
    this.retained.set(name, lasting)
    return lasting
  }

  release(path: Path): void {
    this.retained.delete(path.describe())
  }

  /** The path to use for a datagram from `name`: the retained one where there is one, as the real network does. */
  pathOf(name: string): FakePath {
    return this.retained.get(name) ?? new FakePath(name)
  }

  take(): SentDatagram[] {
    return this.sent.splice(0)
  }
}
