/** The packets of one source, kept once for all viewers: for forwarding, for retransmission (RFC 4585, RFC 4588). */
import type { RtpHeader } from '../rtp/rtp-header.ts'
import type { ExtendedSequenceNumber } from '../rtp/sequence-number.ts'
import type { PacketMemory, PacketMemoryPool } from './ports.ts'

/*
 Slots, a ring indexed by number modulo a power of two, hold what is known of each packet in typed arrays. The bytes lie in blocks that
 are taken from the pool when needed and filled one behind the other in order of arrival; blocks form a ring of their own, and
 the oldest one is taken over when the bound is reached. Taking one over raises its generation, which makes all of its packets invalid
 at once.

   in a block:  | extension elements | payload |   ...
                ^ payloadOffset - extensionLength
   an element:  | index of the name (8 bits) | length (8 bits) | value |       (forwardable-extensions.ts)

 "Packets since the last keyframe" are those from `lastKeyframeNumber` to `highestNumber` that `find` has.
 */

/** The payload of an Ethernet frame: nothing longer arrives whole in UDP over the Internet, and nothing longer can be sent on. */
export const maxPayloadBytes = 1_500
/** Blocks of 64 KiB are 0.2 s of 2.5 Mbit/s: few enough for the pool, small enough not to waste on audio. */
const blockBytes = 64 * 1024
const minBlockBytes = 4 * 1024
/** 8,192 packets are more than 10 s of 8 Mbit/s. */
const maxSlots = 8_192
/** Must be more than one batch of arrivals (arrival-queue.ts), whatever the bound in bytes. */
const minSlots = 1_024
/** Packets of this size on average fill slots and bytes alike. */
const typicalPacketBytes = 500

export const packetFlags = {
  marker: 1,
  /** A keyframe starts with this packet. */
  keyframe: 2,
  /** A header extension's value is longer than the one-byte form can carry. */
  twoByteExtensions: 4,
} as const

/** What became of a packet that was given to the store: a slot's index if not negative. */
export const storeFailure = { duplicate: -1, tooLate: -2, oversize: -3, noMemory: -4 } as const

const noBytes = new Uint8Array(0)
const noMemory: PacketMemory = { bytes: noBytes, view: new DataView(noBytes.buffer) }

export class PacketStore {
  // By slot. Public for the packet path, which reads them directly; nobody else writes them.
  numbers = new Float64Array(0)
  timestamps = new Uint32Array(0)
  flags = new Uint8Array(0)
  payloadOffsets = new Int32Array(0)
  payloadLengths = new Uint16Array(0)
  extensionLengths = new Uint8Array(0)
  arrivalsMs = new Float64Array(0)
  /** Counts arrivals, so that two packets can be put in order of arrival. */
  arrivalOrdinals = new Float64Array(0)
  #blockOfSlot = new Uint16Array(0)
  #generationOfSlot = new Uint32Array(0)
  #slotMask = 0

  // By block.
  readonly #blockBytes: number
  readonly #blocks: PacketMemory[]
  readonly #generations: Uint32Array
  readonly #newestMs: Float64Array
  #head = 0
  #tail = 0
  #liveBlocks = 0
  #usedBytes = 0

  readonly #pool: PacketMemoryPool
  readonly #slotCount: number
  readonly #maxAgeMs: number
  /** The highest number stored; -1 while empty. */
  highestNumber = -1
  /** Where the newest keyframe starts; -1 before the first. */
  lastKeyframeNumber = -1
  #arrivals = 0
  /** Arrivals with lower ordinals have been handed to the viewers; later ones still wait for the flush. */
  forwardedArrivals = 0

  /** At most `maxBytes` of memory are taken from the pool (but at least two small blocks); packets older than `maxAgeMs` make way first. */
  constructor(pool: PacketMemoryPool, maxBytes: number, maxAgeMs: number) {
    this.#pool = pool
    this.#maxAgeMs = maxAgeMs
    this.#blockBytes = Math.max(minBlockBytes, Math.min(blockBytes, Math.floor(maxBytes / 2)))
    const blockCount = Math.max(2, Math.floor(maxBytes / this.#blockBytes))
    this.#blocks = new Array<PacketMemory>(blockCount).fill(noMemory)
    this.#generations = new Uint32Array(blockCount)
    this.#newestMs = new Float64Array(blockCount)
    const wanted = 2 ** Math.ceil(Math.log2(Math.max(1, maxBytes / typicalPacketBytes)))
    this.#slotCount = Math.max(minSlots, Math.min(maxSlots, wanted))
  }

  /** Bytes taken from the pool. */
  get memoryBytes(): number {
    return this.#liveBlocks * this.#blockBytes
  }

  /** The slot that holds packet `number`, or -1. */
  find(number: number): number {
    if (number < 0 || number > this.highestNumber) return -1
    const slot = number & this.#slotMask
    return this.holds(slot, number) ? slot : -1
  }

  /** Whether `slot` (still) holds packet `number` with all of its bytes. */
  holds(slot: number, number: number): boolean {
    return (
      this.numbers[slot] === number &&
      this.#generations[this.#blockOfSlot[slot]!] === this.#generationOfSlot[slot]
    )
  }

  /** The memory that a slot's offsets point into. */
  memoryOf(slot: number): PacketMemory {
    return this.#blocks[this.#blockOfSlot[slot]!]!
  }

  /**
   * Copies a packet: `header` (padding stripped) tells where its payload lies in `bytes`; `extensions` holds `extensionLength` bytes of
   * elements. Returns its slot, or one of `storeFailure`.
   */
  put(
    number: ExtendedSequenceNumber,
    bytes: Uint8Array,
    header: RtpHeader,
    extensions: Uint8Array,
    extensionLength: number,
    flags: number,
    nowMs: number,
  ): number {
    if (header.payloadLength > maxPayloadBytes) return storeFailure.oversize
    if (this.#slotMask === 0) this.#createSlots()
    const slot = number & this.#slotMask
    if (this.numbers[slot] === number) return storeFailure.duplicate
    if (number <= this.highestNumber - this.#slotCount) return storeFailure.tooLate
    const length = extensionLength + header.payloadLength
    if (this.#liveBlocks === 0 || this.#usedBytes + length > this.#blockBytes) {
      if (!this.#openBlock(nowMs)) return storeFailure.noMemory
    }

    const head = this.#head
    const memory = this.#blocks[head]!
    let at = this.#usedBytes
    for (let i = 0; i < extensionLength; i++) memory.bytes[at++] = extensions[i]!
    memory.bytes.set(bytes.subarray(header.payloadOffset, header.payloadOffset + header.payloadLength), at)
    this.#usedBytes += length
    this.#newestMs[head] = nowMs

    this.numbers[slot] = number
    this.timestamps[slot] = header.timestamp
    this.flags[slot] = flags | (header.marker ? packetFlags.marker : 0)
    this.payloadOffsets[slot] = at
    this.payloadLengths[slot] = header.payloadLength
    this.extensionLengths[slot] = extensionLength
    this.arrivalsMs[slot] = nowMs
    this.arrivalOrdinals[slot] = this.#arrivals++
    this.#blockOfSlot[slot] = head
    this.#generationOfSlot[slot] = this.#generations[head]!
    if (number > this.highestNumber) this.highestNumber = number
    if ((flags & packetFlags.keyframe) !== 0 && number > this.lastKeyframeNumber)
      this.lastKeyframeNumber = number
    return slot
  }

  /** All that is here has been handed to the viewers. */
  markForwarded(): void {
    this.forwardedArrivals = this.#arrivals
  }

  /** Gives all memory back to the pool; nothing is found any more. */
  close(): void {
    while (this.#liveBlocks > 0) this.#pool.free(this.#takeTail())
    this.highestNumber = -1
  }

  #createSlots(): void {
    const count = this.#slotCount
    this.numbers = new Float64Array(count).fill(-1)
    this.timestamps = new Uint32Array(count)
    this.flags = new Uint8Array(count)
    this.payloadOffsets = new Int32Array(count)
    this.payloadLengths = new Uint16Array(count)
    this.extensionLengths = new Uint8Array(count)
    this.arrivalsMs = new Float64Array(count)
    this.arrivalOrdinals = new Float64Array(count)
    this.#blockOfSlot = new Uint16Array(count)
    this.#generationOfSlot = new Uint32Array(count)
    this.#slotMask = count - 1
  }

  /** Moves on to an empty block: an expired one, else a new one, else the oldest. */
  #openBlock(nowMs: number): boolean {
    const expiredMs = nowMs - this.#maxAgeMs
    let memory: PacketMemory | undefined
    if (this.#liveBlocks > 1 && this.#newestMs[this.#tail]! < expiredMs) {
      memory = this.#takeTail()
      // The bit rate has fallen: give back what is not needed any more.
      if (this.#liveBlocks > 1 && this.#newestMs[this.#tail]! < expiredMs) this.#pool.free(this.#takeTail())
    } else if (this.#liveBlocks < this.#blocks.length) {
      memory = this.#allocate()
    }
    if (memory === undefined) {
      if (this.#liveBlocks === 0) return false
      memory = this.#takeTail()
    }
    this.#head = this.#liveBlocks === 0 ? this.#tail : (this.#head + 1) % this.#blocks.length
    this.#blocks[this.#head] = memory
    this.#newestMs[this.#head] = nowMs
    this.#liveBlocks++
    this.#usedBytes = 0
    return true
  }

  #allocate(): PacketMemory | undefined {
    try {
      return this.#pool.allocate(this.#blockBytes)
    } catch {
      // The thread's bound: get along with what there is.
      return undefined
    }
  }

  #takeTail(): PacketMemory {
    const tail = this.#tail
    const memory = this.#blocks[tail]!
    this.#blocks[tail] = noMemory
    this.#generations[tail]!++
    this.#tail = (tail + 1) % this.#blocks.length
    this.#liveBlocks--
    return memory
  }
}
