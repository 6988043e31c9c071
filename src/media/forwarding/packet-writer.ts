/** Assembles one track's packets where they will be sent from: header and extensions anew for the viewer, the payload untouched. */
import type { PlayedTrack } from '../contract.ts'
import { writeRtpHeader } from '../rtp/rtp-header.ts'
import { forwardableIds, maxForwardedExtensionBytes } from './forwardable-extensions.ts'
import { packetFlags, type PacketStore } from './packet-store.ts'
import type { SendContext } from './send-context.ts'

const fixedHeaderBytes = 12
const extensionHeaderBytes = 4
/** Longer MIDs are not sent; ours are counters. */
const maxMidBytes = 16
/** The longest value of the one-byte form (RFC 8285 section 4.2). */
const maxOneByteValueBytes = 16
/** MID, transport-wide sequence number, absolute send time, each with its head in the two-byte form, and padding. */
const ownExtensionBytes = 2 + maxMidBytes + 4 + 5 + 3
/** Bytes that the header of a packet can take. */
export const maxHeaderBytes =
  fixedHeaderBytes + extensionHeaderBytes + ownExtensionBytes + maxForwardedExtensionBytes
/** RTX: the original sequence number (RFC 4588 section 4). */
const originalSequenceNumberBytes = 2
const maxOneByteId = 14
const textEncoder = new TextEncoder()

export class PacketWriter {
  readonly #context: SendContext
  readonly #mid: Uint8Array
  readonly #midId: number
  readonly #transportSequenceId: number
  readonly #absoluteSendTimeId: number
  readonly #forwardableIds: Uint8Array
  readonly #alwaysTwoByteForm: boolean

  constructor(played: PlayedTrack, context: SendContext) {
    const { extensions } = played
    this.#context = context
    this.#mid = textEncoder.encode(played.mid)
    this.#midId = this.#mid.length <= maxMidBytes ? (extensions.mid ?? 0) : 0
    this.#transportSequenceId = extensions.transportWideCc ?? 0
    this.#absoluteSendTimeId = extensions.absSendTime ?? 0
    this.#forwardableIds = forwardableIds(extensions)
    this.#alwaysTwoByteForm = Object.values(extensions).some((id) => id > maxOneByteId)
  }

  /**
   * Sends the packet in `slot`; with `originalSequence` not negative as RTX of that packet. Returns its bytes, 0 where the viewer cannot be
   * sent to. `sequence` is the extended sequence number, the SRTP index of `ssrc`.
   */
  send(
    store: PacketStore,
    slot: number,
    ssrc: number,
    payloadType: number,
    sequence: number,
    timestamp: number,
    originalSequence: number,
    transportSequence: number,
    absoluteSendTime: number,
    withMid: boolean,
  ): number {
    const context = this.#context
    const { sink } = context
    const payloadLength = store.payloadLengths[slot]!
    const offset = sink.begin(maxHeaderBytes + originalSequenceNumberBytes + payloadLength)
    if (offset < 0) {
      context.drops.count('send-buffer-full')
      return 0
    }
    const { bytes, view } = sink.out()
    const payload = store.memoryOf(slot)
    const payloadOffset = store.payloadOffsets[slot]!
    const flags = store.flags[slot]!

    const writer = context.extensions
    const hasLongElements = (flags & packetFlags.twoByteExtensions) !== 0
    const needsTwoByteForm =
      this.#alwaysTwoByteForm || (hasLongElements && this.#forwardsLongElement(store, slot, payload.bytes))
    writer.begin(bytes, view, offset + fixedHeaderBytes, needsTwoByteForm ? 'two-byte' : 'one-byte')
    if (this.#transportSequenceId !== 0) writer.addUint16(this.#transportSequenceId, transportSequence)
    if (this.#absoluteSendTimeId !== 0) writer.addUint24(this.#absoluteSendTimeId, absoluteSendTime)
    if (withMid && this.#midId !== 0) writer.add(this.#midId, this.#mid, 0, this.#mid.length)
    let at = payloadOffset - store.extensionLengths[slot]!
    while (at < payloadOffset) {
      const id = this.#forwardableIds[payload.bytes[at]!]!
      const length = payload.bytes[at + 1]!
      if (id !== 0) writer.add(id, payload.bytes, at + 2, length)
      at += 2 + length
    }
    const extensionBytes = writer.end()

    const marker = (flags & packetFlags.marker) !== 0
    writeRtpHeader(view, offset, marker, payloadType, sequence, timestamp, ssrc, extensionBytes > 0)
    const headerLength = fixedHeaderBytes + extensionBytes
    let prefixLength = 0
    if (originalSequence >= 0) {
      prefixLength = originalSequenceNumberBytes
      view.setUint16(offset + headerLength, originalSequence)
    }
    sink.sendRtp(offset, headerLength, prefixLength, payload, payloadOffset, payloadLength, ssrc, sequence)
    const sentBytes = headerLength + prefixLength + payloadLength
    context.packets++
    context.bytes += sentBytes
    return sentBytes
  }

  /** Whether an element that the one-byte form cannot carry goes to this viewer: others need not know the two-byte form. */
  #forwardsLongElement(store: PacketStore, slot: number, bytes: Uint8Array): boolean {
    const end = store.payloadOffsets[slot]!
    let at = end - store.extensionLengths[slot]!
    while (at < end) {
      const length = bytes[at + 1]!
      if (this.#forwardableIds[bytes[at]!] !== 0 && (length === 0 || length > maxOneByteValueBytes))
        return true
      at += 2 + length
    }
    return false
  }
}
