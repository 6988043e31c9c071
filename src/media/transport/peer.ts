/**
 * One peer connection below RTP: ICE-lite, DTLS and SRTP of one bundled transport. Sans-IO: datagrams and `nowMs` in, datagrams
 * out through a `DatagramOutput`, what happened through a `PeerListener`.
 */
import type { EndReason, IceCredentials, TransportParameters } from '../contract.ts'
import type { PacketMemory, RtpSink } from '../forwarding/ports.ts'
import { DTLS_MTU_BYTES } from '../native/dtls.ts'
import type { DtlsContext, DtlsProgress, SrtpProfileName } from '../native/dtls.ts'
import type { NativeMemory } from '../native/memory.ts'
import { createRtpHeader, parseRtpHeader } from '../rtp/rtp-header.ts'
import type { RtpHeader } from '../rtp/rtp-header.ts'
import type { ExtendedSequenceNumber } from '../rtp/sequence-number.ts'
import { DtlsTransport } from './dtls-transport.ts'
import { IceLiteAgent } from './ice-lite.ts'
import type { DatagramOutput, Path, PathRegistry } from './ports.ts'
import { SrtpReceiver, SrtpSender } from './srtp-session.ts'
import type { StunMessage } from './stun.ts'

export interface PeerTimeouts {
  /** Until ICE and DTLS are complete. */
  readonly connectTimeoutMs: number
  /** Silence after which the peer is gone. */
  readonly consentTimeoutMs: number
}

export interface PeerListener {
  /** DTLS is complete and the peer's fingerprint was right: media may flow. */
  onConnected(profile: SrtpProfileName, nowMs: number): void
  /** The first check with the credentials of a restart has come: the former ones are no longer taken. */
  onIceRestarted(): void
  /** A plain RTP packet; `memory` and `header` are valid during the call. The header's payload length includes padding. */
  onRtp(memory: PacketMemory, header: RtpHeader, index: ExtendedSequenceNumber, nowMs: number): void
  /** A plain compound RTCP packet, valid during the call. */
  onRtcp(memory: PacketMemory, offset: number, length: number, nowMs: number): void
  /** The transport cannot go on. Called at most once; `close` is still to be called. */
  onEnded(reason: EndReason, detail: string): void
}

export interface PeerOptions {
  readonly parameters: TransportParameters
  readonly dtlsContext: DtlsContext
  readonly output: DatagramOutput
  readonly registry: PathRegistry
  readonly listener: PeerListener
  readonly timeouts: PeerTimeouts
  /** Counts a datagram that was not used. */
  readonly countDrop: (reason: string) => void
  readonly nowMs: number
}

// One packet is looked at at a time, so all peers of a thread share these.
const header = createRtpHeader()

export class Peer implements RtpSink {
  readonly #ice: IceLiteAgent
  readonly #dtls: DtlsTransport
  readonly #parameters: TransportParameters
  readonly #output: DatagramOutput
  readonly #listener: PeerListener
  readonly #countDrop: (reason: string) => void
  readonly #timeouts: PeerTimeouts
  readonly #createdMs: number
  #state: 'connecting' | 'connected' | 'ended' = 'connecting'
  #sender: SrtpSender | undefined
  #receiver: SrtpReceiver | undefined
  #lastHeardMs: number
  rtpPacketsSent = 0
  packetsReceived = 0

  constructor(options: PeerOptions) {
    this.#parameters = options.parameters
    this.#output = options.output
    this.#listener = options.listener
    this.#countDrop = options.countDrop
    this.#timeouts = options.timeouts
    this.#createdMs = options.nowMs
    this.#lastHeardMs = options.nowMs
    this.#ice = new IceLiteAgent(options.parameters, options.output, options.registry, options.nowMs)
    this.#dtls = new DtlsTransport(
      options.dtlsContext,
      options.parameters.dtlsRole,
      (bytes, offset, length) => this.#sendDatagram(bytes, offset, length),
    )
  }

  get isConnected(): boolean {
    return this.#state === 'connected'
  }

  /** Where media goes to, as text; undefined before the first valid check. */
  get remoteAddress(): string | undefined {
    return this.#ice.selectedPath?.describe()
  }

  /** Asks for an ICE restart: media goes on as before until the peer's first check with these credentials. */
  restartIce(credentials: IceCredentials): void {
    this.#ice.restart(credentials)
  }

  /** Takes a parsed STUN message over any path: this is the one way in for an address that is not known yet. */
  receiveStun(memory: PacketMemory, message: StunMessage, path: Path, nowMs: number): void {
    if (this.#state === 'ended') return
    const result = this.#ice.receiveCheck(memory.bytes, message, path, nowMs)
    if (result !== 'valid' && result !== 'restarted') {
      this.#countDrop(`stun-${result}`)
      return
    }
    this.#lastHeardMs = nowMs
    if (result === 'restarted') this.#listener.onIceRestarted()
    if (!this.#dtls.isStarted) this.#afterDtls(this.#dtls.start(nowMs), nowMs)
  }

  /** Takes a DTLS datagram from a proven path. */
  receiveDtls(memory: NativeMemory, offset: number, length: number, nowMs: number): void {
    if (this.#state === 'ended') return
    this.#afterDtls(this.#dtls.receive(memory, offset, length, nowMs), nowMs)
  }

  /** Takes an SRTP packet from a proven path. */
  receiveSrtp(memory: NativeMemory, offset: number, length: number, nowMs: number): void {
    const receiver = this.#receiver
    if (receiver === undefined || this.#state !== 'connected') return this.#countDrop('srtp-before-dtls')
    if (!parseRtpHeader(memory.bytes, memory.view, offset, length, header))
      return this.#countDrop('rtp-malformed')
    const rejection = receiver.unprotectRtp(memory, offset, length, header)
    if (rejection !== undefined) return this.#countDrop(rejection)
    header.payloadLength = receiver.length - header.headerLength
    this.#noteAuthentic(nowMs)
    this.#listener.onRtp(memory, header, receiver.index, nowMs)
  }

  /** Takes an SRTCP packet from a proven path. */
  receiveSrtcp(memory: NativeMemory, offset: number, length: number, nowMs: number): void {
    const receiver = this.#receiver
    if (receiver === undefined || this.#state !== 'connected') return this.#countDrop('srtp-before-dtls')
    const rejection = receiver.unprotectRtcp(memory, offset, length)
    if (rejection !== undefined) return this.#countDrop(rejection)
    this.#noteAuthentic(nowMs)
    this.#listener.onRtcp(memory, offset, receiver.length, nowMs)
  }

  nextTimeoutMs(): number {
    if (this.#state === 'ended') return Infinity
    const silence =
      this.#state === 'connected'
        ? this.#lastHeardMs + this.#timeouts.consentTimeoutMs
        : this.#createdMs + this.#timeouts.connectTimeoutMs
    return Math.min(silence, this.#dtls.nextTimeoutMs())
  }

  handleTimeout(nowMs: number): void {
    if (this.#state === 'ended') return
    if (this.#state === 'connecting' && nowMs >= this.#createdMs + this.#timeouts.connectTimeoutMs) {
      const stage = this.#dtls.isStarted
        ? 'DTLS handshake not completed'
        : 'no ICE connectivity check has arrived'
      return this.#end('connect-timeout', stage)
    }
    if (this.#state === 'connected' && nowMs >= this.#lastHeardMs + this.#timeouts.consentTimeoutMs) {
      return this.#end('consent-expired', `nothing heard for ${Math.round(nowMs - this.#lastHeardMs)} ms`)
    }
    if (nowMs >= this.#dtls.nextTimeoutMs()) this.#afterDtls(this.#dtls.handleTimeout(nowMs), nowMs)
  }

  begin(maxLengthBytes: number): number {
    const path = this.#ice.selectedPath
    const sender = this.#sender
    if (path === undefined || sender === undefined) return -1
    return this.#output.reserve(path, maxLengthBytes + sender.rtpOverheadBytes)
  }

  out(): PacketMemory {
    return this.#output.memory(this.#ice.selectedPath as Path)
  }

  sendRtp(
    offset: number,
    headerLength: number,
    prefixLength: number,
    payload: PacketMemory,
    payloadOffset: number,
    payloadLength: number,
    ssrc: number,
    extendedSequenceNumber: number,
  ): void {
    const path = this.#ice.selectedPath as Path
    const length = (this.#sender as SrtpSender).protectRtp(
      this.#output.memory(path), offset, headerLength, prefixLength,
      payload as NativeMemory, payloadOffset, payloadLength, ssrc, extendedSequenceNumber,
    ) // prettier-ignore
    if (length < 0) return this.#countDrop('srtp-encrypt-failed')
    this.rtpPacketsSent++
    this.#output.commit(path, length)
  }

  sendRtcp(bytes: Uint8Array, length: number): void {
    const path = this.#ice.selectedPath
    const sender = this.#sender
    if (path === undefined || sender === undefined) return
    const offset = this.#output.reserve(path, length + sender.rtcpOverheadBytes)
    if (offset < 0) return
    const memory = this.#output.memory(path)
    for (let i = 0; i < length; i++) memory.bytes[offset + i] = bytes[i] as number
    const protectedLength = sender.protectRtcp(memory, offset, length)
    if (protectedLength < 0) return this.#countDrop('srtp-encrypt-failed')
    this.#output.commit(path, protectedLength)
  }

  /** Says goodbye to the peer where it can be reached, and frees everything. Idempotent. */
  close(): void {
    this.#dtls.close()
    this.#state = 'ended'
    this.#ice.close()
    this.#sender?.free()
    this.#receiver?.free()
    this.#sender = undefined
    this.#receiver = undefined
  }

  #noteAuthentic(nowMs: number): void {
    this.#lastHeardMs = nowMs
    this.packetsReceived++
  }

  #afterDtls(progress: DtlsProgress, nowMs: number): void {
    switch (progress) {
      case 'pending':
        return
      case 'connected':
        if (this.#state === 'connecting') this.#complete(nowMs)
        return
      case 'closed':
        return this.#end('closed-by-peer', 'close_notify')
      case 'failed':
        return this.#end('dtls-failed', this.#dtls.failure)
    }
  }

  #complete(nowMs: number): void {
    const keys = this.#dtls.complete(this.#parameters.remoteFingerprints)
    if (typeof keys === 'string') return this.#end('dtls-failed', keys)
    this.#sender = new SrtpSender(keys.profile, keys.local)
    this.#receiver = new SrtpReceiver(keys.profile, keys.remote)
    this.#state = 'connected'
    this.#listener.onConnected(keys.profile.name, nowMs)
  }

  #sendDatagram(bytes: Uint8Array, offset: number, length: number): void {
    const path = this.#ice.selectedPath
    if (path === undefined) return
    const at = this.#output.reserve(path, Math.max(length, DTLS_MTU_BYTES))
    if (at < 0) return
    this.#output.memory(path).bytes.set(bytes.subarray(offset, offset + length), at)
    this.#output.commit(path, length)
  }

  #end(reason: EndReason, detail: string): void {
    this.#state = 'ended'
    this.#listener.onEnded(reason, detail)
  }
}
