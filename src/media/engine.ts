/** The media wing on its thread: sockets, sessions and streams, driven by commands, datagrams and one timer. */
import { randomBytes } from 'node:crypto'
import type {
  EndReason,
  MediaCommand,
  MediaEvent,
  MediaStatistics,
  MediaThreadOptions,
  SessionId,
  StreamName,
} from './contract.ts'
import { defaultForwardingLimits } from './forwarding/limits.ts'
import type { ForwardingLimits } from './forwarding/limits.ts'
import { Publisher } from './forwarding/publisher.ts'
import { Stream } from './forwarding/stream.ts'
import { Viewer } from './forwarding/viewer.ts'
import { DtlsContext } from './native/dtls.ts'
import type { NativeMemory } from './native/memory.ts'
import { NativeMemoryPool } from './native/memory.ts'
import { liveObjects } from './native/openssl.ts'
import { Deadlines } from './network/deadlines.ts'
import type { MediaSocket } from './network/media-socket.ts'
import { MediaSockets } from './network/media-sockets.ts'
import { PathTable, SocketPath } from './network/socket-path.ts'
import { MediaSession } from './session.ts'
import type { MediaSessionListener } from './session.ts'
import { classifyDatagram } from './transport/datagram-class.ts'
import { Peer } from './transport/peer.ts'
import type { DatagramOutput, Path } from './transport/ports.ts'
import { createStunMessage, parseStun } from './transport/stun.ts'

/** Upper bound of packet memory on one thread: a hundred busy sources with full stores. */
const PACKET_MEMORY_LIMIT_BYTES = 1024 * 1024 * 1024
/** Most local ufrags are 8 characters; 256 is the longest (RFC 8839 section 5.4). */
const MAX_UFRAG_BYTES = 256
const COLON = 0x3a

interface Ended {
  readonly session: MediaSession
  readonly reason: EndReason
  readonly detail: string
}

export class MediaEngine implements MediaSessionListener {
  readonly #options: MediaThreadOptions
  readonly #emit: (event: MediaEvent) => void
  readonly #now: () => number
  readonly #limits: ForwardingLimits
  readonly #dtlsContext: DtlsContext
  readonly #pool = new NativeMemoryPool(PACKET_MEMORY_LIMIT_BYTES)
  readonly #sockets: MediaSockets
  readonly #paths = new PathTable<MediaSession>(randomUint32())
  readonly #output: DatagramOutput
  readonly #deadlines: Deadlines<MediaSession>
  readonly #sessions = new Map<SessionId, MediaSession>()
  readonly #byUfrag = new Map<string, MediaSession>()
  readonly #streams = new Map<StreamName, Stream>()
  readonly #publishers = new Map<Stream, MediaSession>()
  readonly #members = new Map<Stream, Set<MediaSession>>()
  /** Viewers that have not been sent anything yet. */
  readonly #waiting = new Set<MediaSession>()
  /** Streams that got packets since the last flush. */
  readonly #arrived = new Set<Stream>()
  /** Sessions that ended inside a call of theirs; closed when it has returned. */
  readonly #ended: Ended[] = []
  readonly #stun = createStunMessage()
  readonly #transientPath: { path: SocketPath | undefined } = { path: undefined }
  readonly #dropped = new Map<string, number>()
  readonly #wallClockOffsetMs = performance.timeOrigin
  #receivedPackets = 0
  #receivedBytes = 0
  #timer: NodeJS.Timeout | undefined
  #timerDueMs = Infinity
  #closed = false

  constructor(
    options: MediaThreadOptions,
    emit: (event: MediaEvent) => void,
    now: () => number = () => performance.now(),
  ) {
    this.#options = options
    this.#emit = emit
    this.#now = now
    this.#limits = {
      ...defaultForwardingLimits,
      packetStoreBytes: options.packetStoreBytes,
      keyframeRequestIntervalMs: options.keyframeRequestIntervalMs,
      maxPublishBitrate: options.maxPublishBitrate,
    }
    this.#dtlsContext = new DtlsContext(options.certificate, options.privateKey)
    this.#deadlines = new Deadlines(now())
    this.#sockets = new MediaSockets({
      onDatagram: (socket, memory, offset, length, addresses, addressOffset) =>
        this.#onDatagram(socket, memory, offset, length, addresses, addressOffset),
      onBatchEnd: () => this.#endTurn(this.#now()),
      onSocketError: (socket, error) =>
        this.#log('warn', 'socket error', { address: socket.address, error: error.message }),
    })
    this.#output = {
      reserve: (path, maxLengthBytes) => (path as SocketPath).socket.sender.reserve(maxLengthBytes),
      memory: (path) => (path as SocketPath).socket.sender.memory,
      commit: (path, lengthBytes) => {
        const { socket } = path as SocketPath
        socket.sender.commit(path as SocketPath, lengthBytes)
      },
    }
  }

  /** Opens the sockets and says 'listening'. @throws an Error with `code`, such as EADDRINUSE. */
  async open(): Promise<void> {
    const { port, addresses, udpSender } = this.#options
    const skipped = await this.#sockets.open(addresses, port, udpSender)
    for (const { address, error } of skipped)
      this.#log('warn', 'cannot bind a local address', { address, error: error.message })
    this.#emit({ type: 'listening', addresses: this.#sockets.addresses, sender: this.#sockets.kind })
  }

  execute(command: MediaCommand): void {
    if (this.#closed) return
    const nowMs = this.#now()
    switch (command.type) {
      case 'open-publisher':
      case 'open-viewer':
        this.#open(command, nowMs)
        break
      case 'close-session': {
        const session = this.#sessions.get(command.session)
        if (session !== undefined) this.#close(session, command.reason, undefined, nowMs)
        break
      }
      case 'get-statistics':
        this.#emit({ type: 'statistics', request: command.request, statistics: this.#statistics() })
        break
      case 'shut-down':
        for (const session of [...this.#sessions.values()]) this.#close(session, 'shutdown', undefined, nowMs)
        this.#endTurn(nowMs)
        this.#closed = true
        clearTimeout(this.#timer)
        this.#sockets.close()
        return
    }
    this.#endTurn(nowMs)
  }

  onConnected(session: MediaSession, srtpProfile: string): void {
    // Not at its POST: until it connects, a former publisher may still be sending.
    if (session.role.role === 'publisher') {
      session.stream.setPublisher(session.role.media, this.#now())
      this.#publishers.set(session.stream, session)
    }
    this.#emit({
      type: 'connected',
      session: session.id,
      remoteAddress: session.peer.remoteAddress ?? '',
      srtpProfile,
    })
  }

  onFirstPacket(session: MediaSession): void {
    this.#emit({ type: 'first-packet', session: session.id })
  }

  onEnded(session: MediaSession, reason: EndReason, detail: string): void {
    this.#ended.push({ session, reason, detail })
  }

  onMediaArrived(session: MediaSession): void {
    this.#arrived.add(session.stream)
  }

  #open(command: Extract<MediaCommand, { type: 'open-publisher' | 'open-viewer' }>, nowMs: number): void {
    const { session: id, transport } = command
    if (this.#sessions.has(id) || this.#byUfrag.has(transport.localUfrag)) {
      this.#emit({
        type: 'closed',
        session: id,
        reason: 'internal-error',
        detail: 'the session id or ufrag is in use',
      })
      return
    }
    const stream = this.#streamOf(command.stream)
    const session = new MediaSession(id, transport.localUfrag, stream, this)
    const peer = new Peer({
      parameters: transport,
      dtlsContext: this.#dtlsContext,
      output: this.#output,
      registry: {
        retain: (path: Path) => this.#paths.add(path as SocketPath, session),
        release: (path: Path) => this.#paths.remove(path as SocketPath),
      },
      listener: session,
      timeouts: this.#options,
      countDrop: (reason) => this.#countDrop(reason),
      nowMs,
    })
    const common = {
      limits: this.#limits,
      random: randomUint32,
      nowMs,
      wallClockOffsetMs: this.#wallClockOffsetMs,
    }
    if (command.type === 'open-publisher') {
      const media = new Publisher({ ...common, tracks: command.tracks, rtcp: peer, pool: this.#pool })
      session.assemble(peer, { role: 'publisher', media })
    } else {
      const media = new Viewer({ ...common, tracks: command.tracks, sink: peer })
      session.assemble(peer, { role: 'viewer', media })
      stream.addViewer(media, nowMs)
      this.#waiting.add(session)
    }
    this.#membersOf(stream).add(session)
    this.#sessions.set(id, session)
    this.#byUfrag.set(transport.localUfrag, session)
    this.#deadlines.add(session)
  }

  #close(session: MediaSession, reason: EndReason, detail: string | undefined, nowMs: number): void {
    if (!this.#sessions.delete(session.id)) return
    this.#byUfrag.delete(session.localUfrag)
    this.#deadlines.remove(session)
    const { stream } = session
    const { role, media } = session.role
    // The viewers' last packets go out before the store behind them is freed.
    stream.flush(nowMs)
    if (role === 'viewer') {
      stream.removeViewer(media)
      this.#waiting.delete(session)
    } else if (this.#publishers.get(stream) === session) {
      stream.setPublisher(undefined, nowMs)
      this.#publishers.delete(stream)
    }
    session.close(nowMs)
    const members = this.#membersOf(stream)
    members.delete(session)
    if (members.size === 0) {
      this.#members.delete(stream)
      this.#arrived.delete(stream)
      this.#streams.delete(stream.name)
    }
    this.#emit({ type: 'closed', session: session.id, reason, ...(detail === undefined ? {} : { detail }) })
  }

  #onDatagram(
    socket: MediaSocket,
    memory: NativeMemory,
    offset: number,
    length: number,
    addresses: NativeMemory,
    addressOffset: number,
  ): void {
    this.#receivedPackets++
    this.#receivedBytes += length
    if (length < 2) return this.#countDrop('too-short')
    const { bytes } = memory
    const kind = classifyDatagram(bytes[offset] as number, bytes[offset + 1] as number)
    const nowMs = this.#now()
    if (kind === 'stun') return this.#onStun(socket, memory, offset, length, addresses, addressOffset, nowMs)
    const known = this.#paths.find(socket, addresses, addressOffset)
    if (known === undefined) return this.#countDrop('unknown-address')
    const session = known.owner
    switch (kind) {
      case 'rtp':
        return session.peer.receiveSrtp(memory, offset, length, nowMs)
      case 'rtcp':
        session.peer.receiveSrtcp(memory, offset, length, nowMs)
        break
      case 'dtls':
        session.peer.receiveDtls(memory, offset, length, nowMs)
        break
      case 'unknown':
        return this.#countDrop('unknown-protocol')
    }
    this.#touch(session)
  }

  #onStun(
    socket: MediaSocket,
    memory: NativeMemory,
    offset: number,
    length: number,
    addresses: NativeMemory,
    addressOffset: number,
    nowMs: number,
  ): void {
    const stun = this.#stun
    if (!parseStun(memory.bytes, memory.view, offset, length, stun)) return this.#countDrop('stun-malformed')
    const session = this.#byUfrag.get(localUfragOf(memory.bytes, stun.usernameOffset, stun.usernameLength))
    if (session === undefined) return this.#countDrop('stun-unknown-ufrag')
    const known = this.#paths.find(socket, addresses, addressOffset)
    const path =
      known !== undefined && known.owner === session
        ? known.path
        : this.#transient(socket, addresses, addressOffset)
    session.peer.receiveStun(memory, stun, path, nowMs)
    this.#touch(session)
  }

  /** The path of a datagram from an unknown address; valid until the batch ends. */
  #transient(socket: MediaSocket, addresses: NativeMemory, addressOffset: number): SocketPath {
    const path = (this.#transientPath.path ??= new SocketPath(socket, addresses, addressOffset))
    path.socket = socket
    path.memory = addresses
    path.offset = addressOffset
    path.readFamily()
    return path
  }

  /** Looks at a session's deadline again; feedback of a viewer may have made its publisher's nearer too. */
  #touch(session: MediaSession): void {
    this.#deadlines.update(session)
    const publisher = this.#publishers.get(session.stream)
    if (publisher !== undefined && publisher !== session) this.#deadlines.update(publisher)
  }

  /** After each batch of datagrams, command and timer: forwards, closes what has ended, sends, and sets the timer. */
  #endTurn(nowMs: number): void {
    for (const stream of this.#arrived) {
      stream.flush(nowMs)
      const publisher = this.#publishers.get(stream)
      if (publisher !== undefined) this.#deadlines.update(publisher)
    }
    if (this.#arrived.size > 0) {
      for (const session of this.#waiting) if (session.noteSent()) this.#waiting.delete(session)
    }
    this.#arrived.clear()
    for (let ended = this.#ended.shift(); ended !== undefined; ended = this.#ended.shift()) {
      this.#close(ended.session, ended.reason, ended.detail, nowMs)
    }
    this.#sockets.flush()
    this.#setTimer(nowMs)
  }

  #setTimer(nowMs: number): void {
    const wait = this.#deadlines.untilNextMs(nowMs)
    if (wait === Infinity || nowMs + wait >= this.#timerDueMs) return
    clearTimeout(this.#timer)
    this.#timerDueMs = nowMs + wait
    this.#timer = setTimeout(() => this.#onTimer(), wait)
  }

  #onTimer(): void {
    this.#timerDueMs = Infinity
    const nowMs = this.#now()
    this.#deadlines.advance(nowMs)
    this.#endTurn(nowMs)
  }

  #streamOf(name: StreamName): Stream {
    let stream = this.#streams.get(name)
    if (stream === undefined) {
      stream = new Stream(name)
      this.#streams.set(name, stream)
    }
    return stream
  }

  /** All sessions of a stream: it lives as long as it has one. */
  #membersOf(stream: Stream): Set<MediaSession> {
    let members = this.#members.get(stream)
    if (members === undefined) {
      members = new Set()
      this.#members.set(stream, members)
    }
    return members
  }

  #countDrop(reason: string): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1)
  }

  #log(level: 'warn' | 'error', message: string, details: Record<string, unknown>): void {
    this.#emit({ type: 'log', level, message, details })
  }

  #statistics(): MediaStatistics {
    const { counters } = this.#sockets
    const dropped: Record<string, number> = Object.fromEntries(this.#dropped)
    dropped['send-buffer-full'] = counters.droppedFull
    dropped['send-refused'] = counters.droppedRefused
    const sessions = [...this.#sessions.values()].map((session) => session.statistics())
    for (const session of sessions) {
      for (const [reason, count] of Object.entries(session.dropped))
        dropped[reason] = (dropped[reason] ?? 0) + count
    }
    return {
      dropped,
      received: { packets: this.#receivedPackets, bytes: this.#receivedBytes },
      sent: { packets: counters.sentDatagrams, bytes: counters.sentBytes },
      sessions: sessions.map(({ session }) => session),
      resources: {
        sessions: this.#sessions.size,
        streams: this.#streams.size,
        nativeBytes: this.#pool.usedBytes,
        openSslObjects: liveObjects.ciphers + liveObjects.connections,
        timers: this.#deadlines.size,
      },
    }
  }
}

/** The part of a USERNAME in front of the colon: the receiver's own ufrag (RFC 8445 section 7.2.2). */
function localUfragOf(bytes: Uint8Array, offset: number, length: number): string {
  let end = 0
  while (end < length && end < MAX_UFRAG_BYTES && bytes[offset + end] !== COLON) end++
  return String.fromCharCode(...bytes.subarray(offset, offset + end))
}

function randomUint32(): number {
  return randomBytes(4).readUInt32LE()
}
