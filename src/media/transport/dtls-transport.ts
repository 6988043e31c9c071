/** The DTLS association of one session from its first flight to its last alert (RFC 6347, RFC 5764). */
import type { Fingerprint } from '../contract.ts'
import { DtlsConnection } from '../native/dtls.ts'
import type { DtlsContext, DtlsProgress } from '../native/dtls.ts'
import type { NativeMemory } from '../native/memory.ts'
import { DtlsEpilogue } from './dtls-epilogue.ts'
import { keyingMaterialBytes, splitKeyingMaterial, srtpProfiles } from './srtp-keys.ts'
import type { SrtpMasterKey, SrtpProfile } from './srtp-keys.ts'

/** As client: when the first ClientHello is sent again. A peer that was not yet listening would else cost a whole second. */
const CLIENT_HELLO_REPEAT_MS = [50, 100, 200, 400] as const
/** What the handshake gave. */
export interface DtlsKeys {
  readonly profile: SrtpProfile
  /** For what we send, and for what we receive. */
  readonly local: SrtpMasterKey
  readonly remote: SrtpMasterKey
}

export class DtlsTransport {
  readonly #role: 'client' | 'server'
  readonly #send: (bytes: Uint8Array, offset: number, length: number) => void
  /** Until our part of the handshake is done; then the epilogue takes its place where the cipher allows. */
  #connection: DtlsConnection | undefined
  #epilogue: DtlsEpilogue | undefined
  #lastFlight: Uint8Array[] = []
  #isStarted = false
  #isComplete = false
  #retransmitMs = Infinity
  /** The ClientHello as it was first sent, until the peer's first answer. */
  #clientHello: Uint8Array | undefined
  #clientHelloSentMs = 0
  #clientHelloRepeats = 0

  /** @param send queues one datagram; the bytes are valid during the call. */
  constructor(
    context: DtlsContext,
    role: 'client' | 'server',
    send: (bytes: Uint8Array, offset: number, length: number) => void,
  ) {
    this.#role = role
    this.#send = send
    this.#connection = new DtlsConnection(context, role)
  }

  get isStarted(): boolean {
    return this.#isStarted
  }

  /** In OpenSSL's words, why the association has failed. */
  get failure(): string {
    return this.#connection?.failure ?? ''
  }

  /** To be called when there is a proven path: a client says hello. */
  start(nowMs: number): DtlsProgress {
    this.#isStarted = true
    const connection = this.#connection
    if (connection === undefined || this.#role === 'server') return 'pending'
    const progress = this.#after(connection, connection.handshake(), nowMs)
    this.#clientHello = this.#lastFlight[0]
    this.#clientHelloSentMs = nowMs
    return progress
  }

  /** Takes one datagram from a proven path. */
  receive(memory: NativeMemory, offset: number, length: number, nowMs: number): DtlsProgress {
    const connection = this.#connection
    if (connection !== undefined) {
      this.#clientHello = undefined
      return this.#after(connection, connection.receive(memory, offset, length), nowMs)
    }
    const repeat = (datagram: Uint8Array): void => this.#send(datagram, 0, datagram.length)
    return this.#epilogue?.receive(memory.bytes, offset, length, repeat) === true ? 'closed' : 'connected'
  }

  nextTimeoutMs(): number {
    return Math.min(this.#retransmitMs, this.#clientHelloDueMs())
  }

  handleTimeout(nowMs: number): DtlsProgress {
    const connection = this.#connection
    if (nowMs >= this.#clientHelloDueMs()) {
      this.#clientHelloRepeats++
      if (this.#clientHello !== undefined) this.#send(this.#clientHello, 0, this.#clientHello.length)
    }
    let progress: DtlsProgress = this.#isComplete ? 'connected' : 'pending'
    if (connection !== undefined && nowMs >= this.#retransmitMs) {
      progress = this.#after(connection, connection.handleTimeout(), nowMs)
    }
    return progress
  }

  /**
   * Checks the peer's certificate against its SDP and takes the keys; to be called once, at the first 'connected'.
   * @returns why there are none, in words, where there are none.
   */
  complete(fingerprints: readonly Fingerprint[]): DtlsKeys | string {
    const connection = this.#connection
    if (connection === undefined) throw new Error('the handshake was completed before')
    const isKnown = fingerprints.some(
      ({ algorithm, value }) => connection.peerFingerprint(algorithm) === value.toUpperCase(),
    )
    if (!isKnown) return "the peer's certificate does not match the fingerprint in its SDP"
    const name = connection.srtpProfile()
    if (name === undefined) return 'the peer negotiated no SRTP protection profile'
    const profile = srtpProfiles[name]
    const material = connection.exportKeyingMaterial(keyingMaterialBytes(profile))
    const { client, server } = splitKeyingMaterial(profile, material)
    this.#isComplete = true
    this.#settle(connection)
    return this.#role === 'client'
      ? { profile, local: client, remote: server }
      : { profile, local: server, remote: client }
  }

  /** Sends close_notify where there is an association, and frees everything. */
  close(): void {
    const connection = this.#connection
    if (connection !== undefined) {
      connection.shutDown()
      this.#sendFlight(connection)
      connection.free()
    } else if (this.#epilogue !== undefined) {
      const { closeNotify } = this.#epilogue
      this.#send(closeNotify, 0, closeNotify.length)
    }
    this.#connection = undefined
    this.#epilogue = undefined
  }

  /** Puts the epilogue in the place of OpenSSL's connection, where its cipher is one that the epilogue knows. */
  #settle(connection: DtlsConnection): void {
    const secrets = connection.secrets()
    if (secrets === undefined) return
    let closeNotify = new Uint8Array(0)
    connection.shutDown()
    connection.takeDatagrams(
      (memory, offset, length) => (closeNotify = memory.bytes.slice(offset, offset + length)),
    )
    connection.free()
    this.#connection = undefined
    this.#retransmitMs = Infinity
    this.#epilogue = new DtlsEpilogue(
      secrets,
      this.#role,
      closeNotify,
      this.#role === 'server' ? this.#lastFlight : [],
    )
    this.#lastFlight = []
  }

  #after(connection: DtlsConnection, progress: DtlsProgress, nowMs: number): DtlsProgress {
    this.#sendFlight(connection)
    const timeout = progress === 'pending' || progress === 'connected' ? connection.timeoutMs() : undefined
    this.#retransmitMs = timeout === undefined ? Infinity : nowMs + timeout
    return progress
  }

  #sendFlight(connection: DtlsConnection): void {
    const flight: Uint8Array[] = []
    connection.takeDatagrams((memory, offset, length) => {
      flight.push(memory.bytes.slice(offset, offset + length))
      this.#send(memory.bytes, offset, length)
    })
    if (flight.length > 0) this.#lastFlight = flight
  }

  #clientHelloDueMs(): number {
    const delay = CLIENT_HELLO_REPEAT_MS[this.#clientHelloRepeats]
    return this.#clientHello === undefined || delay === undefined ? Infinity : this.#clientHelloSentMs + delay
  }
}
