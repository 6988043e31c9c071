/** One session on the media thread: a peer below, a publisher or a viewer above, and what they tell each other. */
import type { EndReason, SessionId, SessionStatistics } from './contract.ts'
import type { Publisher } from './forwarding/publisher.ts'
import type { PacketMemory } from './forwarding/ports.ts'
import type { Stream } from './forwarding/stream.ts'
import type { Viewer } from './forwarding/viewer.ts'
import type { SrtpProfileName } from './native/dtls.ts'
import type { RtpHeader } from './rtp/rtp-header.ts'
import type { ExtendedSequenceNumber } from './rtp/sequence-number.ts'
import type { Peer, PeerListener } from './transport/peer.ts'

/** A publisher that said RTCP BYE and sends nothing for so long has gone without closing DTLS. */
const BYE_SILENCE_MS = 2_000

/** A publisher that is connected but sends nothing for so long may have crashed: shorter than OBS waits before it connects again. */
export const PUBLISHER_SILENCE_MS = 2_000

/** What happens to a session that its engine has to act on. */
export interface MediaSessionListener {
  onConnected(session: MediaSession, profile: SrtpProfileName): void
  onIceRestarted(session: MediaSession): void
  onFirstPacket(session: MediaSession): void
  /** A publisher has sent no media for a while, or sends again. */
  onSilence(session: MediaSession, silent: boolean): void
  /** The session cannot go on; it is to be closed when the present call has returned. */
  onEnded(session: MediaSession, reason: EndReason, detail: string): void
  /** The stream has packets to forward. */
  onMediaArrived(session: MediaSession): void
}

export type MediaRole =
  | { readonly role: 'publisher'; readonly media: Publisher }
  | { readonly role: 'viewer'; readonly media: Viewer }

export class MediaSession implements PeerListener {
  readonly id: SessionId
  /** The ufrag that its checks are found by, and that of a restart which no check has confirmed yet; kept by the session table. */
  localUfrag: string
  nextLocalUfrag: string | undefined
  readonly stream: Stream
  readonly #listener: MediaSessionListener
  #peer: Peer | undefined
  #role: MediaRole | undefined
  #byeMs = Infinity
  #packetsAtBye = 0
  #nowMs = 0
  #lastMediaMs = 0
  #silenceCheckMs = Infinity
  #isSilent = false

  constructor(id: SessionId, localUfrag: string, stream: Stream, listener: MediaSessionListener) {
    this.id = id
    this.localUfrag = localUfrag
    this.stream = stream
    this.#listener = listener
  }

  /** Joins the two halves, which need the session to be made first. */
  assemble(peer: Peer, role: MediaRole): void {
    this.#peer = peer
    this.#role = role
    if (role.role === 'publisher') {
      role.media.onFirstPacket = () => this.#listener.onFirstPacket(this)
      role.media.onBye = () => {
        this.#byeMs = this.#nowMs
        this.#packetsAtBye = peer.packetsReceived
      }
    }
  }

  get peer(): Peer {
    if (this.#peer === undefined) throw new Error('the session is not assembled')
    return this.#peer
  }

  get role(): MediaRole {
    if (this.#role === undefined) throw new Error('the session is not assembled')
    return this.#role
  }

  onConnected(profile: SrtpProfileName, nowMs: number): void {
    const { role, media } = this.role
    this.#listener.onConnected(this, profile)
    if (role === 'viewer') return media.start(nowMs)
    this.#lastMediaMs = nowMs
    this.#silenceCheckMs = nowMs + PUBLISHER_SILENCE_MS
  }

  onIceRestarted(): void {
    this.#listener.onIceRestarted(this)
  }

  onRtp(memory: PacketMemory, header: RtpHeader, index: ExtendedSequenceNumber, nowMs: number): void {
    const { role, media } = this.role
    // A viewer has nothing to send; some browsers send silence on a sendrecv section all the same.
    if (role !== 'publisher') return
    this.#lastMediaMs = nowMs
    if (this.#isSilent) this.#setSilent(false, nowMs)
    media.receiveRtp(memory, header, index, nowMs)
    this.#listener.onMediaArrived(this)
  }

  onRtcp(memory: PacketMemory, offset: number, length: number, nowMs: number): void {
    this.#nowMs = nowMs
    this.role.media.receiveRtcp(memory.bytes, memory.view, offset, length, nowMs)
  }

  onEnded(reason: EndReason, detail: string): void {
    this.#listener.onEnded(this, reason, detail)
  }

  /** To be called after the stream was flushed, until it answers true: tells of a viewer's first packet. */
  noteSent(): boolean {
    if (this.peer.rtpPacketsSent === 0) return false
    this.#listener.onFirstPacket(this)
    return true
  }

  nextTimeoutMs(): number {
    return Math.min(
      this.peer.nextTimeoutMs(),
      this.role.media.nextTimeoutMs(),
      this.#byeMs + BYE_SILENCE_MS,
      this.#silenceCheckMs,
    )
  }

  handleTimeout(nowMs: number): void {
    this.#nowMs = nowMs
    this.peer.handleTimeout(nowMs)
    if (this.peer.isConnected) this.role.media.handleTimeout(nowMs)
    if (nowMs >= this.#silenceCheckMs) {
      this.#silenceCheckMs = this.#lastMediaMs + PUBLISHER_SILENCE_MS
      if (nowMs >= this.#silenceCheckMs) this.#setSilent(true, nowMs)
    }
    if (nowMs >= this.#byeMs + BYE_SILENCE_MS) {
      this.#byeMs = Infinity
      if (this.peer.packetsReceived === this.#packetsAtBye) this.onEnded('closed-by-peer', 'RTCP BYE')
    }
  }

  #setSilent(silent: boolean, nowMs: number): void {
    this.#isSilent = silent
    this.#silenceCheckMs = silent ? Infinity : nowMs + PUBLISHER_SILENCE_MS
    this.#listener.onSilence(this, silent)
  }

  /** Says goodbye on RTCP and DTLS, and frees both halves. */
  close(nowMs: number): void {
    this.role.media.close(nowMs)
    this.peer.close()
  }

  /** What is known of the session, and the packets of it that were not used, by reason. */
  statistics(): { readonly session: SessionStatistics; readonly dropped: Readonly<Record<string, number>> } {
    const { dropped, ...media } = this.role.media.statistics()
    const { remoteAddress } = this.peer
    const session: SessionStatistics = {
      ...media,
      session: this.id,
      stream: this.stream.name,
      role: this.role.role,
      state: this.peer.isConnected ? 'connected' : 'connecting',
      ...(remoteAddress === undefined ? {} : { remoteAddress }),
    }
    return { session, dropped }
  }
}
