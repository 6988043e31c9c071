/** The other end of a `Peer` in one process: checks, DTLS and SRTP of a browser-like client over a fake network, without a socket. */
import type { EndReason, IceCredentials } from '../../src/media/contract.ts'
import { DtlsConnection, DtlsContext } from '../../src/media/native/dtls.ts'
import type { DtlsProgress, SrtpProfileName } from '../../src/media/native/dtls.ts'
import { NativeMemory } from '../../src/media/native/memory.ts'
import { createRtpHeader, parseRtpHeader } from '../../src/media/rtp/rtp-header.ts'
import { classifyDatagram } from '../../src/media/transport/datagram-class.ts'
import { Peer } from '../../src/media/transport/peer.ts'
import {
  keyingMaterialBytes,
  splitKeyingMaterial,
  srtpProfiles,
} from '../../src/media/transport/srtp-keys.ts'
import { SrtpReceiver, SrtpSender } from '../../src/media/transport/srtp-session.ts'
import { createStunMessage, parseStun } from '../../src/media/transport/stun.ts'
import { createDtlsCertificate } from '../../src/streams/dtls-certificate.ts'
import type { DtlsCertificate } from '../../src/streams/dtls-certificate.ts'
import { FakeNetwork } from './fake-network.ts'
import { bindingRequest } from './stun-client.ts'

export interface Identity {
  readonly certificate: DtlsCertificate
  readonly context: DtlsContext
}

export async function createIdentity(): Promise<Identity> {
  const certificate = await createDtlsCertificate(Date.now())
  return { certificate, context: new DtlsContext(certificate.certificate, certificate.privateKey) }
}

const credentials = { localUfrag: 'gateway1', localPassword: 'gateway-password-of-24-characters' }

export interface PairOptions {
  readonly gateway: Identity
  readonly remote: Identity
  readonly gatewayRole: 'client' | 'server'
  /** Fingerprints the gateway was told; the remote's own by default. */
  readonly remoteFingerprints?: readonly { algorithm: string; value: string }[]
  readonly consentTimeoutMs?: number
  readonly connectTimeoutMs?: number
}

/** A gateway's peer and its remote, joined by hand: nothing moves until `exchange` or another method is called. */
export class PeerPair {
  readonly network = new FakeNetwork()
  readonly peer: Peer
  readonly dtls: DtlsConnection
  readonly drops: string[] = []
  readonly ended: { reason: EndReason; detail: string }[] = []
  readonly rtp: { payload: string; index: number }[] = []
  readonly rtcp: Buffer[] = []
  connected: SrtpProfileName | undefined
  nowMs = 0
  restarts = 0
  /** What the remote's checks are made with. */
  credentials: Pick<IceCredentials, 'localUfrag' | 'localPassword'> = credentials
  /** Where the remote sends from. */
  path = 'first'
  /** Set to lose what the gateway sends next. */
  losing = false
  remoteState: DtlsProgress = 'pending'
  readonly remoteRtp: { payload: string; sequenceNumber: number }[] = []
  readonly remoteRtcp: Buffer[] = []
  sender: SrtpSender | undefined
  receiver: SrtpReceiver | undefined
  readonly #memory = new NativeMemory(4096)
  readonly #remoteRole: 'client' | 'server'

  constructor(options: PairOptions) {
    this.#remoteRole = options.gatewayRole === 'server' ? 'client' : 'server'
    this.peer = new Peer({
      parameters: {
        ...credentials,
        remoteUfrag: 'remote',
        remotePassword: 'remote-password-of-24-characters',
        dtlsRole: options.gatewayRole,
        remoteFingerprints: options.remoteFingerprints ?? [options.remote.certificate.fingerprint],
      },
      dtlsContext: options.gateway.context,
      output: this.network,
      registry: this.network,
      listener: {
        onConnected: (profile) => (this.connected = profile),
        onIceRestarted: () => this.restarts++,
        onRtp: (memory, header, index) => {
          const payload = Buffer.from(
            memory.bytes.slice(header.payloadOffset, header.payloadOffset + header.payloadLength),
          )
          this.rtp.push({ payload: payload.toString(), index })
        },
        onRtcp: (memory, offset, length) =>
          this.rtcp.push(Buffer.from(memory.bytes.slice(offset, offset + length))),
        onEnded: (reason, detail) => this.ended.push({ reason, detail }),
      },
      timeouts: {
        connectTimeoutMs: options.connectTimeoutMs ?? 15_000,
        consentTimeoutMs: options.consentTimeoutMs ?? 30_000,
      },
      countDrop: (reason) => this.drops.push(reason),
      nowMs: 0,
    })
    this.dtls = new DtlsConnection(options.remote.context, this.#remoteRole)
  }

  /** Hands one datagram of the remote's to the gateway's peer, as the engine does. */
  deliver(bytes: Uint8Array): void {
    const memory = this.#memory
    memory.bytes.set(bytes, 64)
    const { length } = bytes
    switch (classifyDatagram(bytes[0] as number, bytes[1] as number)) {
      case 'stun': {
        const message = createStunMessage()
        if (parseStun(memory.bytes, memory.view, 64, length, message)) {
          this.peer.receiveStun(memory, message, this.network.pathOf(this.path), this.nowMs)
        }
        return
      }
      case 'dtls':
        // The engine finds no owner for an address that has proven nothing.
        if (this.network.retained.has(this.path)) this.peer.receiveDtls(memory, 64, length, this.nowMs)
        return
      case 'rtp':
        return this.peer.receiveSrtp(memory, 64, length, this.nowMs)
      case 'rtcp':
        return this.peer.receiveSrtcp(memory, 64, length, this.nowMs)
      case 'unknown':
        return
    }
  }

  check(useCandidate = true): void {
    const username = `${this.credentials.localUfrag}:remote`
    const password = this.credentials.localPassword
    this.deliver(bindingRequest({ username, password, priority: 1, role: 'controlling', useCandidate }))
  }

  /** Starts the remote's handshake where it is the client, and carries datagrams both ways until nothing moves. */
  exchange(): void {
    if (this.#remoteRole === 'client' && this.remoteState === 'pending')
      this.remoteState = this.dtls.handshake()
    for (let moved = true; moved;) {
      moved = false
      const outgoing: Buffer[] = []
      this.dtls.takeDatagrams((memory, offset, length) =>
        outgoing.push(Buffer.from(memory.bytes.slice(offset, offset + length))),
      )
      for (const bytes of outgoing) {
        moved = true
        this.deliver(bytes)
      }
      for (const { bytes } of this.network.take()) {
        if (this.losing) continue
        moved = true
        this.#receive(bytes)
      }
    }
  }

  connect(): void {
    this.check()
    this.exchange()
  }

  /** Sends one SRTP packet with `payload` to the gateway. */
  sendRtp(payload: string, sequenceNumber: number, ssrc = 7): void {
    const out = new NativeMemory(2048)
    out.view.setUint16(0, 0x8060)
    out.view.setUint16(2, sequenceNumber & 0xffff)
    out.view.setUint32(8, ssrc)
    const body = new NativeMemory(2048)
    body.bytes.set(Buffer.from(payload))
    const length = this.sender?.protectRtp(out, 0, 12, 0, body, 0, payload.length, ssrc, sequenceNumber) ?? 0
    this.deliver(Buffer.from(out.bytes.slice(0, length)))
  }

  sendRtcp(packet: Uint8Array): void {
    const out = new NativeMemory(2048)
    out.bytes.set(packet)
    const length = this.sender?.protectRtcp(out, 0, packet.length) ?? 0
    this.deliver(Buffer.from(out.bytes.slice(0, length)))
  }

  free(): void {
    this.peer.close()
    this.dtls.free()
    this.sender?.free()
    this.receiver?.free()
  }

  #receive(bytes: Buffer): void {
    const memory = this.#memory
    memory.bytes.set(bytes)
    switch (classifyDatagram(bytes[0] as number, bytes[1] as number)) {
      case 'dtls':
        this.remoteState = this.dtls.receive(memory, 0, bytes.length)
        if (this.remoteState === 'connected' && this.sender === undefined) this.#deriveKeys()
        return
      case 'rtp': {
        const header = createRtpHeader()
        if (!parseRtpHeader(memory.bytes, memory.view, 0, bytes.length, header))
          throw new Error('the gateway sent a damaged packet')
        if (this.receiver?.unprotectRtp(memory, 0, bytes.length, header) !== undefined)
          throw new Error('not authentic')
        const payload = Buffer.from(memory.bytes.slice(header.headerLength, this.receiver?.length)).toString()
        this.remoteRtp.push({ payload, sequenceNumber: header.sequenceNumber })
        return
      }
      case 'rtcp':
        if (this.receiver?.unprotectRtcp(memory, 0, bytes.length) !== undefined)
          throw new Error('not authentic')
        this.remoteRtcp.push(Buffer.from(memory.bytes.slice(0, this.receiver?.length)))
        return
      case 'stun':
      case 'unknown':
        return
    }
  }

  #deriveKeys(): void {
    const name = this.dtls.srtpProfile()
    if (name === undefined) throw new Error('no SRTP profile')
    const profile = srtpProfiles[name]
    const { client, server } = splitKeyingMaterial(
      profile,
      this.dtls.exportKeyingMaterial(keyingMaterialBytes(profile)),
    )
    const isClient = this.#remoteRole === 'client'
    this.sender = new SrtpSender(profile, isClient ? client : server)
    this.receiver = new SrtpReceiver(profile, isClient ? server : client)
  }
}
