/** A source's latest parameter sets, as packets to be sent in front of a keyframe that comes without them. */
import type { CodecName } from '../rtp/codecs.ts'
import {
  hasParameterSets,
  maxParameterSetBytes,
  parameterSetId,
  visitParameterSets,
} from '../rtp/payload/parameter-sets.ts'
import { createRtpHeader } from '../rtp/rtp-header.ts'
import type { ExtendedSequenceNumber } from '../rtp/sequence-number.ts'
import { PacketStore } from './packet-store.ts'
import type { PacketMemoryPool } from './ports.ts'

/** Of all kinds and ids; encoders use two or three. */
const maxParameterSets = 16
/** Of packets made of them: a few versions of a few hundred bytes. */
const storeBytes = 8 * 1024
const noExtensions = new Uint8Array(0)

/** Packets of parameter sets, one NAL unit each, as every packetization mode allows. Their timestamps are 0. */
export interface ParameterSetPackets {
  readonly store: PacketStore
  readonly firstNumber: number
  readonly count: number
}

export class ParameterSetCache {
  readonly #codec: 'H264' | 'H265'
  readonly #pool: PacketMemoryPool
  /** By type and id; types of what is to be sent first are lower. */
  readonly #sets = new Map<number, Uint8Array>()
  #packets: ParameterSetPackets | undefined
  #store: PacketStore | undefined
  #nextNumber = 0
  #bytes: Uint8Array = noExtensions

  /** `initial` are NAL units that the SDP told. */
  constructor(codec: 'H264' | 'H265', pool: PacketMemoryPool, initial: readonly Uint8Array[]) {
    this.#codec = codec
    this.#pool = pool
    for (const nalUnit of initial) this.note(nalUnit, 0, nalUnit.length)
  }

  /** Undefined where the codec has none. */
  static of(
    codec: CodecName,
    pool: PacketMemoryPool,
    initial: readonly Uint8Array[] = [],
  ): ParameterSetCache | undefined {
    return hasParameterSets(codec) ? new ParameterSetCache(codec, pool, initial) : undefined
  }

  /** Takes what a payload holds; true where that is something. */
  note(bytes: Uint8Array, offset: number, length: number): boolean {
    this.#bytes = bytes
    return visitParameterSets(this.#codec, bytes, offset, length, this.#keep)
  }

  /** Whether a payload holds any. */
  isIn(bytes: Uint8Array, offset: number, length: number): boolean {
    return visitParameterSets(this.#codec, bytes, offset, length, () => undefined)
  }

  /** What is known, as packets; undefined where nothing is. They stay in their store as long as nothing changes. */
  packets(nowMs: number): ParameterSetPackets | undefined {
    if (this.#sets.size === 0) return undefined
    if (this.#packets !== undefined) return this.#packets
    this.#store ??= new PacketStore(this.#pool, storeBytes, Infinity)
    const store = this.#store
    const header = createRtpHeader()
    const firstNumber = this.#nextNumber
    const sorted = [...this.#sets].toSorted(([a], [b]) => a - b)
    for (const [, nalUnit] of sorted) {
      header.payloadOffset = 0
      header.payloadLength = nalUnit.length
      const number = this.#nextNumber as ExtendedSequenceNumber
      if (store.put(number, nalUnit, header, noExtensions, 0, 0, nowMs) < 0) return undefined
      this.#nextNumber++
    }
    store.markForwarded()
    this.#packets = { store, firstNumber, count: sorted.length }
    return this.#packets
  }

  close(): void {
    this.#store?.close()
    this.#store = undefined
    this.#packets = undefined
  }

  readonly #keep = (type: number, offset: number, length: number): void => {
    if (length > maxParameterSetBytes) return
    const nalUnit = this.#bytes.subarray(offset, offset + length)
    const key = type * 256 + parameterSetId(this.#codec, nalUnit)
    const known = this.#sets.get(key)
    if (known === undefined ? this.#sets.size >= maxParameterSets : isSame(known, nalUnit)) return
    this.#sets.set(key, nalUnit.slice())
    this.#packets = undefined
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i])
}
