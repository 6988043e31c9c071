/** Which encoding an SSRC belongs to: by SDP, else by MID and RID header extensions, else by payload type (RFC 8843 section 9.2, RFC 8852). */
import type { PublishedTrack } from '../contract.ts'
import { readExtensionText } from '../rtp/header-extension-values.ts'
import type { HeaderExtensionReader } from '../rtp/header-extensions.ts'
import type { RtpHeader } from '../rtp/rtp-header.ts'

export interface ReceivedStream {
  readonly ssrc: number
  readonly payloadType: number
  readonly kind: 'media' | 'rtx'
  /** Index of the encoding among all of the publisher's. */
  readonly sourceIndex: number
  /** Another SSRC has taken its place. Coming back is not allowed, or two senders could make a source restart with every packet. */
  isRetired: boolean
}

interface Candidate {
  readonly track: PublishedTrack
  readonly rid: string | undefined
  readonly sourceIndex: number
  media: ReceivedStream | undefined
  rtx: ReceivedStream | undefined
}

export class SourceDiscovery {
  readonly #candidates: Candidate[] = []
  readonly #streams = new Map<number, ReceivedStream>()
  readonly #maxSsrcs: number

  constructor(tracks: readonly PublishedTrack[], maxSsrcs: number) {
    this.#maxSsrcs = maxSsrcs
    for (const track of tracks) {
      for (const { rid, ssrc, rtxSsrc } of track.encodings) {
        const sourceIndex = this.#candidates.length
        const candidate: Candidate = { track, rid, sourceIndex, media: undefined, rtx: undefined }
        this.#candidates.push(candidate)
        if (ssrc !== undefined) this.#assign(candidate, 'media', ssrc)
        if (rtxSsrc !== undefined && track.rtxPayloadType !== undefined) {
          this.#assign(candidate, 'rtx', rtxSsrc)
        }
      }
    }
  }

  /** What is known of an SSRC. */
  find(ssrc: number): ReceivedStream | undefined {
    return this.#streams.get(ssrc)
  }

  /** Learns an unknown SSRC from one of its packets; undefined where that does not tell enough. */
  learn(bytes: Uint8Array, header: RtpHeader, extensions: HeaderExtensionReader): ReceivedStream | undefined {
    let found: Candidate | undefined
    for (const candidate of this.#candidates) {
      if (!matches(candidate, bytes, header, extensions)) continue
      // Two candidates that the packet does not tell apart: wait for one that does.
      if (found !== undefined) return undefined
      found = candidate
    }
    if (found === undefined) return undefined
    return this.#assign(found, header.payloadType === found.track.payloadType ? 'media' : 'rtx', header.ssrc)
  }

  #assign(candidate: Candidate, kind: 'media' | 'rtx', ssrc: number): ReceivedStream | undefined {
    if (this.#streams.size >= this.#maxSsrcs && !this.#forgetRetired()) return undefined
    const { track, sourceIndex } = candidate
    const payloadType = kind === 'media' ? track.payloadType : (track.rtxPayloadType ?? 0)
    const stream: ReceivedStream = { ssrc, payloadType, kind, sourceIndex, isRetired: false }
    const previous = candidate[kind]
    if (previous !== undefined) previous.isRetired = true
    candidate[kind] = stream
    this.#streams.set(ssrc, stream)
    return stream
  }

  #forgetRetired(): boolean {
    for (const stream of this.#streams.values()) {
      if (stream.isRetired) return this.#streams.delete(stream.ssrc)
    }
    return false
  }
}

function matches(
  candidate: Candidate,
  bytes: Uint8Array,
  header: RtpHeader,
  extensions: HeaderExtensionReader,
): boolean {
  const { track, rid } = candidate
  const isRtx = header.payloadType === track.rtxPayloadType
  if (!isRtx && header.payloadType !== track.payloadType) return false
  const ids = track.extensions
  const mid = textOf(bytes, extensions, ids.mid)
  if (mid !== undefined && mid !== track.mid) return false
  // A single encoding needs no RID to be told apart.
  if (rid === undefined || track.encodings.length === 1) return true
  return textOf(bytes, extensions, isRtx ? ids.repairedRid : ids.rid) === rid
}

function textOf(
  bytes: Uint8Array,
  extensions: HeaderExtensionReader,
  id: number | undefined,
): string | undefined {
  if (id === undefined) return undefined
  const at = extensions.find(id)
  return at < 0 ? undefined : readExtensionText(bytes, extensions.offsets[at]!, extensions.lengths[at]!)
}
