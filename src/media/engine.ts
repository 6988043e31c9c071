/** The media wing on its thread: sockets, sessions and streams, driven by commands, datagrams and one timer. */
import { randomBytes } from 'node:crypto'
import type { EndReason, MediaCommand, MediaEvent, MediaStatistics, MediaThreadOptions } from './contract.ts'
import { DatagramRouter } from './datagram-router.ts'
import { defaultForwardingLimits } from './forwarding/limits.ts'
import type { ForwardingLimits } from './forwarding/limits.ts'
import { Publisher } from './forwarding/publisher.ts'
import type { Stream } from './forwarding/stream.ts'
import { Viewer } from './forwarding/viewer.ts'
import { DtlsContext } from './native/dtls.ts'
import { NativeMemoryPool } from './native/memory.ts'
import { liveObjects } from './native/openssl.ts'
import { Deadlines } from './network/deadlines.ts'
import { MediaSockets } from './network/media-sockets.ts'
import type { SocketPath } from './network/socket-path.ts'
import { SessionTable } from './session-table.ts'
import { MediaSession } from './session.ts'
import type { MediaSessionListener } from './session.ts'
import { Peer } from './transport/peer.ts'
import type { DatagramOutput } from './transport/ports.ts'

/** Upper bound of packet memory on one thread: a hundred busy sources with full stores. */
const PACKET_MEMORY_LIMIT_BYTES = 1024 * 1024 * 1024

/** How often the machine's addresses are looked at again. */
const ADDRESS_REFRESH_MS = 10_000

/** Long enough to even out keyframes, short enough to stop a rush of viewers. */
const LOAD_INTERVAL_MS = 1_000

/** Share of a packet store that may be sent at once. */
const INSTANT_START_SHARE = 0.75

type OpenCommand = Extract<MediaCommand, { type: 'open-publisher' | 'open-viewer' }>

/** A path's own socket is the way out; what is committed is sent at the end of the turn. */
const output: DatagramOutput = {
  reserve: (path, maxLengthBytes) => (path as SocketPath).socket.sender.reserve(maxLengthBytes),
  memory: (path) => (path as SocketPath).socket.sender.memory,
  commit: (path, lengthBytes) => (path as SocketPath).socket.sender.commit(path as SocketPath, lengthBytes),
}

export class MediaEngine implements MediaSessionListener {
  readonly #options: MediaThreadOptions
  readonly #emit: (event: MediaEvent) => void
  readonly #now: () => number
  readonly #limits: ForwardingLimits
  readonly #dtlsContext: DtlsContext
  readonly #pool = new NativeMemoryPool(PACKET_MEMORY_LIMIT_BYTES)
  readonly #sessions = new SessionTable()
  readonly #router: DatagramRouter
  readonly #sockets: MediaSockets
  readonly #deadlines: Deadlines<MediaSession>
  /** Viewers that have not been sent anything yet. */
  readonly #waiting = new Set<MediaSession>()
  /** Streams that got packets since the last flush. */
  readonly #arrived = new Set<Stream>()
  /** Sessions that ended inside a call of theirs; closed when it has returned. */
  readonly #ended: { readonly session: MediaSession; readonly reason: EndReason; readonly detail: string }[] =
    []
  readonly #dropped = new Map<string, number>()
  #loadMs: number
  #loadSentBytes = 0
  #timer: NodeJS.Timeout | undefined
  #refresh: NodeJS.Timeout | undefined
  #timerDueMs = Infinity
  #closed = false

  /** @param now monotonic ms. */
  constructor(options: MediaThreadOptions, emit: (event: MediaEvent) => void, now = () => performance.now()) {
    this.#options = options
    this.#emit = emit
    this.#now = now
    this.#limits = {
      ...defaultForwardingLimits,
      packetStoreBytes: options.packetStoreBytes,
      packetStoreMs: Math.max(defaultForwardingLimits.packetStoreMs, options.instantStartMs),
      instantStart: options.instantStart,
      // The rest is for what arrives while it is sent.
      instantStartBytes: Math.min(options.instantStartBytes, options.packetStoreBytes * INSTANT_START_SHARE),
      instantStartMs: options.instantStartMs,
      keyframeRequestIntervalMs: options.keyframeRequestIntervalMs,
      maxPublishBitrate: options.maxPublishBitrate,
    }
    this.#dtlsContext = new DtlsContext(options.certificate, options.privateKey)
    this.#deadlines = new Deadlines(now())
    this.#loadMs = now()
    this.#router = new DatagramRouter({
      findByUfrag: (ufrag) => this.#sessions.byUfrag(ufrag),
      countDrop: (reason) => this.#countDrop(reason),
      seed: randomUint32(),
    })
    this.#sockets = new MediaSockets({
      onDatagram: (socket, memory, offset, length, addresses, addressOffset, ageMs) => {
        const session = this.#router.route(
          socket,
          memory,
          offset,
          length,
          addresses,
          addressOffset,
          now() - ageMs,
        )
        if (session !== undefined) this.#touch(session)
      },
      onBatchEnd: () => this.#endTurn(now()),
      onSocketError: ({ address }, error) => this.#warn('socket error', { address, error: error.message }),
    })
  }

  /** Opens the sockets and says 'listening'. @throws an Error with `code`, such as EADDRINUSE. */
  async open(): Promise<void> {
    const { port, addresses, udpSender } = this.#options
    for (const { address, error } of await this.#sockets.open(addresses, port, udpSender)) {
      this.#warn('cannot bind a local address', { address, error: error.message })
    }
    this.#announce()
    this.#refresh = setInterval(() => {
      void this.#sockets.refresh().then((changed) => (changed ? this.#announce() : undefined))
    }, ADDRESS_REFRESH_MS)
    this.#refresh.unref()
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
      case 'restart-ice': {
        const session = this.#sessions.get(command.session)
        // 48 random bits are in use only where the control wing is wrong; the session then goes on as it was.
        if (session === undefined || this.#sessions.byUfrag(command.localUfrag) !== undefined) break
        this.#sessions.beginIceRestart(session, command.localUfrag)
        session.peer.restartIce(command)
        break
      }
      case 'get-statistics':
        this.#emit({ type: 'statistics', request: command.request, statistics: this.#statistics() })
        break
      case 'shut-down':
        return this.#shutDown(nowMs)
    }
    this.#endTurn(nowMs)
  }

  onConnected(session: MediaSession, srtpProfile: string): void {
    // Not at its POST: until it connects, a former publisher may still be sending.
    if (session.role.role === 'publisher') {
      session.stream.setPublisher(session.role.media, this.#now())
      this.#sessions.setPublisher(session)
    }
    const remoteAddress = session.peer.remoteAddress ?? ''
    this.#emit({ type: 'connected', session: session.id, remoteAddress, srtpProfile })
  }

  onIceRestarted(session: MediaSession): void {
    this.#sessions.completeIceRestart(session)
    this.#emit({ type: 'ice-restarted', session: session.id, localUfrag: session.localUfrag })
  }

  onFirstPacket(session: MediaSession): void {
    this.#emit({ type: 'first-packet', session: session.id })
  }

  onSilence(session: MediaSession, silent: boolean): void {
    this.#emit({ type: 'publisher-silent', session: session.id, silent })
  }

  onEnded(session: MediaSession, reason: EndReason, detail: string): void {
    this.#ended.push({ session, reason, detail })
  }

  onMediaArrived(session: MediaSession): void {
    this.#arrived.add(session.stream)
  }

  #open(command: OpenCommand, nowMs: number): void {
    const { session: id, transport } = command
    if (this.#sessions.get(id) !== undefined || this.#sessions.byUfrag(transport.localUfrag) !== undefined) {
      const detail = 'the session id or the ufrag is in use'
      this.#emit({ type: 'closed', session: id, reason: 'internal-error', detail })
      return
    }
    const stream = this.#sessions.stream(command.stream)
    const session = new MediaSession(id, transport.localUfrag, stream, this)
    const peer = new Peer({
      parameters: transport,
      dtlsContext: this.#dtlsContext,
      output,
      registry: this.#router.registryOf(session),
      listener: session,
      timeouts: this.#options,
      countDrop: (reason) => this.#countDrop(reason),
      nowMs,
    })
    const common = {
      limits: this.#limits,
      random: randomUint32,
      nowMs,
      wallClockOffsetMs: performance.timeOrigin,
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
    this.#sessions.add(session)
    this.#deadlines.add(session)
  }

  #close(session: MediaSession, reason: EndReason, detail: string | undefined, nowMs: number): void {
    const { stream } = session
    const wasPublisher = this.#sessions.publisherOf(stream) === session
    if (!this.#sessions.remove(session)) return
    this.#deadlines.remove(session)
    this.#waiting.delete(session)
    // What came last goes out before the store behind it is freed.
    stream.flush(nowMs)
    if (session.role.role === 'viewer') stream.removeViewer(session.role.media)
    else if (wasPublisher) stream.setPublisher(undefined, nowMs)
    session.close(nowMs)
    this.#emit({ type: 'closed', session: session.id, reason, ...(detail === undefined ? {} : { detail }) })
  }

  #shutDown(nowMs: number): void {
    for (const session of this.#sessions.values()) this.#close(session, 'shutdown', undefined, nowMs)
    this.#endTurn(nowMs)
    this.#closed = true
    clearTimeout(this.#timer)
    clearInterval(this.#refresh)
    this.#sockets.close()
  }

  /** Looks at a session's deadline again; feedback of a viewer may have made its publisher's nearer too. */
  #touch(session: MediaSession): void {
    this.#deadlines.update(session)
    const publisher = this.#sessions.publisherOf(session.stream)
    if (publisher !== undefined && publisher !== session) this.#deadlines.update(publisher)
  }

  /** After each batch of datagrams, command and timer: forwards, closes what has ended, sends, and sets the timer. */
  #endTurn(nowMs: number): void {
    if (this.#closed) return
    if (this.#arrived.size > 0) {
      for (const stream of this.#arrived) {
        stream.flush(nowMs)
        const publisher = this.#sessions.publisherOf(stream)
        if (publisher !== undefined) this.#deadlines.update(publisher)
      }
      this.#arrived.clear()
      for (const session of this.#waiting) if (session.noteSent()) this.#waiting.delete(session)
    }
    for (let ended = this.#ended.shift(); ended !== undefined; ended = this.#ended.shift()) {
      this.#close(ended.session, ended.reason, ended.detail, nowMs)
    }
    this.#sockets.flush()
    this.#router.afterFlush()
    if (nowMs - this.#loadMs >= LOAD_INTERVAL_MS) this.#reportLoad(nowMs)
    this.#setTimer(nowMs)
  }

  #reportLoad(nowMs: number): void {
    const { sentBytes } = this.#sockets.counters
    const sentBitsPerSecond = Math.round(((sentBytes - this.#loadSentBytes) * 8000) / (nowMs - this.#loadMs))
    this.#loadMs = nowMs
    this.#loadSentBytes = sentBytes
    this.#emit({ type: 'load', sentBitsPerSecond })
  }

  #setTimer(nowMs: number): void {
    const wait = this.#deadlines.untilNextMs(nowMs)
    if (wait === Infinity || nowMs + wait >= this.#timerDueMs) return
    clearTimeout(this.#timer)
    this.#timerDueMs = nowMs + wait
    this.#timer = setTimeout(() => {
      this.#timerDueMs = Infinity
      const dueMs = this.#now()
      this.#deadlines.advance(dueMs)
      this.#endTurn(dueMs)
    }, wait)
  }

  #announce(): void {
    this.#emit({ type: 'listening', addresses: this.#sockets.addresses, sender: this.#sockets.kind })
  }

  #countDrop(reason: string): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1)
  }

  #warn(message: string, details: Record<string, unknown>): void {
    this.#emit({ type: 'log', level: 'warn', message, details })
  }

  #statistics(): MediaStatistics {
    const { counters } = this.#sockets
    const dropped: Record<string, number> = Object.fromEntries(this.#dropped)
    dropped['send-buffer-full'] = counters.droppedFull
    dropped['send-refused'] = counters.droppedRefused
    const sessions = this.#sessions.values().map((session) => session.statistics())
    for (const session of sessions) {
      for (const [reason, count] of Object.entries(session.dropped))
        dropped[reason] = (dropped[reason] ?? 0) + count
    }
    return {
      dropped,
      received: { packets: this.#router.packets, bytes: this.#router.bytes },
      sent: { packets: counters.sentDatagrams, bytes: counters.sentBytes },
      sessions: sessions.map(({ session }) => session),
      resources: {
        sessions: this.#sessions.size,
        streams: this.#sessions.streams,
        nativeBytes: this.#pool.usedBytes,
        openSslObjects: liveObjects.ciphers + liveObjects.connections,
        timers: this.#deadlines.size,
      },
    }
  }
}

function randomUint32(): number {
  return randomBytes(4).readUInt32LE()
}
