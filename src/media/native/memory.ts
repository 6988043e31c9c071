/** Memory whose address native code may be given: it never moves, and it lives until it is freed. */
import koffi from 'koffi'
import type { PacketMemory, PacketMemoryPool } from '../forwarding/ports.ts'

/** A block of memory with its address. The address is a plain number: user space ends below 2^53. */
export class NativeMemory implements PacketMemory {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly address: number

  constructor(lengthBytes: number) {
    // An ArrayBuffer of its own is never pooled and never on the JavaScript heap, so the collector does not move it.
    const buffer = new ArrayBuffer(Math.max(lengthBytes, MIN_OFF_HEAP_BYTES))
    this.bytes = new Uint8Array(buffer)
    this.view = new DataView(buffer)
    this.address = Number(koffi.address(buffer))
  }

  get lengthBytes(): number {
    return this.bytes.byteLength
  }
}

/** V8 keeps typed arrays of up to 64 bytes inside the (moving) heap; nothing near that size is ever handed out. */
const MIN_OFF_HEAP_BYTES = 256

export class MemoryLimitError extends Error {
  override readonly name = 'MemoryLimitError'
}

/**
 * Gives out blocks and takes them back for reuse. Blocks in use are referenced from here, so a caller that forgets one leaks it (and
 * `usedBytes` shows it), but native code never meets freed memory.
 */
export class NativeMemoryPool implements PacketMemoryPool {
  readonly #limitBytes: number
  readonly #inUse = new Set<NativeMemory>()
  readonly #free = new Map<number, NativeMemory[]>()
  #usedBytes = 0

  /** @param limitBytes upper bound of the blocks in use at one time. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  /** @throws {MemoryLimitError} when the bound would be exceeded. */
  allocate(lengthBytes: number): NativeMemory {
    if (this.#usedBytes + lengthBytes > this.#limitBytes) {
      throw new MemoryLimitError(`packet memory is limited to ${this.#limitBytes} bytes`)
    }
    const memory = this.#free.get(lengthBytes)?.pop() ?? new NativeMemory(lengthBytes)
    this.#inUse.add(memory)
    this.#usedBytes += memory.lengthBytes
    return memory
  }

  free(memory: PacketMemory): void {
    if (!(memory instanceof NativeMemory) || !this.#inUse.delete(memory))
      throw new Error('freed twice, or not from this pool')
    this.#usedBytes -= memory.lengthBytes
    const blocks = this.#free.get(memory.lengthBytes)
    if (blocks === undefined) this.#free.set(memory.lengthBytes, [memory])
    else if (blocks.length < MAX_IDLE_BLOCKS_PER_SIZE) blocks.push(memory)
  }
}

/** Idle blocks kept for reuse; further ones go back to the system. */
const MAX_IDLE_BLOCKS_PER_SIZE = 64
