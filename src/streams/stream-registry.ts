/**
 * All streams and their sessions: who may open one, what a lost publisher means for its viewers, and the one end that every session has.
 * A stream begins with a publisher and lasts until its last session has ended.
 */
import type {
  EndReason,
  Fingerprint,
  ListeningAddress,
  MediaEvent,
  SessionId,
  StreamName,
} from '../media/contract.ts'
import type { BundleTransport, GatewayTransport, PlayIdentifiers } from '../sdp/index.ts'
import {
  acceptCounterAnswer,
  answerPlay,
  answerPublish,
  anticipatedMedia,
  parseOffer,
  playableWith,
  writeCounterOffer,
} from '../sdp/index.ts'
import { Problem } from '../signalling/problem.ts'
import type { Clock } from './clock.ts'
import type { Chance } from './credentials.ts'
import { newCname, newPassword, newSdpSessionId, newUfrag, ssrcSource } from './credentials.ts'
import type { EventSubscription, ViewerEventType } from './event-subscription.ts'
import type { LayerRequest } from './layer-selection.ts'
import type { MediaPlane } from './media-plane.ts'
import type {
  CounterOfferedSession,
  IceRestart,
  OpenedSession,
  PublisherSession,
  RemoteIceCredentials,
  Session,
  SessionView,
  StreamsEvent,
  ViewerSession,
} from './session.ts'
import type { Stream } from './stream.ts'
import { newStream } from './stream.ts'
import { gatewayFull, noPublisher, overloaded, shuttingDown, streamFull } from './refusals.ts'
import { ViewerNews } from './viewer-news.ts'
import { ViewerSubscriptions } from './viewer-subscriptions.ts'

export interface StreamLimits {
  readonly maxSessions: number
  readonly maxViewersPerStream: number
  /** No viewer is let in while so much is sent already. */
  readonly maxSendBitsPerSecond: number
  /** What a second publisher does to one that is there: 'refuse' answers it 409, 'replace' ends the first. */
  readonly takeover: 'refuse' | 'replace'
  /** A publisher that has not connected for so long makes way for another one. */
  readonly publisherTakeoverMs: number
  /** Viewers wait for so long for the next publisher; 0 ends them with their publisher. */
  readonly publisherGraceMs: number
  /** Whether viewers of a stream are let in without a publisher; they then stay without one, too. */
  readonly playBeforePublish: (stream: StreamName) => boolean
}

export interface StreamRegistryOptions {
  readonly media: MediaPlane
  readonly fingerprint: Fingerprint
  /** Host candidates for answers, the best first. */
  readonly candidates: readonly ListeningAddress[]
  readonly limits: StreamLimits
  readonly clock: Clock
  readonly chance: Chance
  readonly onEvent: (event: StreamsEvent) => void
}

/** A fragment that a restart has overtaken is at most a few restarts late. */
const MAX_FORMER_REMOTE_UFRAGS = 4
/** draft-ietf-wish-whep section 4.3: what a player takes for granted where it is not told. */
const COUNTER_OFFER_LIFETIME_MS = 30_000
/** The media wing tells its load each second while it sends anything; older than this, it sends nothing. */
const LOAD_LIFETIME_MS = 3_000
/** RFC 8830 section 2: a stream id has at most 64 characters. */
const MAX_STREAM_ID_LENGTH = 64

export class StreamRegistry {
  readonly #options: StreamRegistryOptions
  readonly #streams = new Map<StreamName, Stream>()
  readonly #sessions = new Map<SessionId, Session>()
  readonly #ufrags = new Set<string>()
  readonly #subscriptions = new ViewerSubscriptions()
  readonly #news: ViewerNews
  #candidates: readonly ListeningAddress[]
  #shuttingDown = false
  /** What the media wing said last that it sends. */
  #load = { sentBitsPerSecond: 0, atMs: -Infinity }

  constructor(options: StreamRegistryOptions) {
    this.#options = options
    this.#news = new ViewerNews(this.#subscriptions, options.clock)
    this.#candidates = options.candidates
  }

  /** What must be empty again when all sessions have ended. */
  get size() {
    return {
      sessions: this.#sessions.size,
      streams: this.#streams.size,
      ufrags: this.#ufrags.size,
      subscriptions: this.#subscriptions.size,
    }
  }

  get shuttingDown(): boolean {
    return this.#shuttingDown
  }

  find(id: SessionId): SessionView | undefined {
    return this.#sessions.get(id)
  }

  /** @throws Problem when the offer cannot be accepted, the stream has a publisher, or the gateway is full. */
  publish(name: StreamName, offerSdp: string): OpenedSession {
    const { media } = this.#options
    this.#refuseWhenShuttingDown()
    const offer = parseOffer(offerSdp)
    const rival = this.#streams.get(name)?.publisher
    if (rival !== undefined && !this.#mayBeReplaced(rival)) {
      throw new Problem(
        'already-published',
        409,
        `The stream "${name}" has a publisher already; end that one or choose another name.`,
      )
    }
    if (rival === undefined) this.#refuseWhenFull()
    const {
      answer,
      transport,
      bundle,
      tracks,
      media: published,
    } = answerPublish(offer, this.#describeOurselves())
    if (rival !== undefined) this.#close(rival, 'replaced')

    const session: PublisherSession = {
      ...this.#newSession(name, transport, bundle),
      role: 'publisher',
      silent: false,
      media: published,
      rids: tracks.flatMap(({ kind, encodings }) =>
        kind === 'video' ? encodings.flatMap(({ rid }) => (rid === undefined ? [] : [rid])) : [],
      ),
    }
    const stream = this.#streamOf(name)
    this.#register(session)
    this.#resume(stream, session)
    media.send({ type: 'open-publisher', session: session.id, stream: name, transport, tracks })
    return { id: session.id, localUfrag: session.localUfrag, answer }
  }

  /** @throws Problem when the offer cannot be accepted, the stream has no publisher, or the stream or the gateway is full. */
  play(name: StreamName, offerSdp: string): OpenedSession {
    const { media } = this.#options
    const publisher = this.#admitViewer(name)
    const offer = parseOffer(offerSdp)
    const { answer, transport, bundle, tracks, viewer, video } = answerPlay(
      offer,
      this.#describeOurselves(),
      publisher?.media ?? anticipatedMedia(offer),
      this.#playIdentifiers(name),
    )
    const session: ViewerSession = {
      ...this.#newSession(name, transport, bundle),
      role: 'viewer',
      promised: viewer,
      counterOffer: undefined,
      video,
      layer: undefined,
    }
    const stream = this.#streamOf(name)
    stream.viewers.add(session)
    this.#register(session)
    this.#news.viewersChanged(stream)
    media.send({ type: 'open-viewer', session: session.id, stream: name, transport, tracks })
    return { id: session.id, localUfrag: session.localUfrag, answer }
  }

  /**
   * Offers a viewer what the publisher sends; the session waits for the viewer's answer.
   * @throws Problem when the stream has no publisher, or the stream or the gateway is full.
   */
  playByCounterOffer(name: StreamName): CounterOfferedSession {
    const { clock } = this.#options
    const publisher = this.#admitViewer(name)
    if (publisher === undefined) throw noPublisher(name)
    const gateway = this.#describeOurselves()
    const { media } = publisher
    const { offer, bundle, tracks, viewer, video } = writeCounterOffer(
      gateway,
      media,
      this.#playIdentifiers(name),
    )
    const session: ViewerSession = {
      ...this.#newSession(name, { localUfrag: gateway.ufrag, remoteUfrag: '', remotePassword: '' }, bundle),
      role: 'viewer',
      promised: viewer,
      video,
      layer: undefined,
      counterOffer: undefined,
    }
    const cancelExpiry = clock.schedule(COUNTER_OFFER_LIFETIME_MS, () =>
      this.#close(session, 'connect-timeout'),
    )
    session.counterOffer = { gateway, media, tracks, cancelExpiry }
    const stream = this.#streamOf(name)
    stream.viewers.add(session)
    this.#register(session)
    this.#news.viewersChanged(stream)
    return { id: session.id, localUfrag: session.localUfrag, offer, validForMs: COUNTER_OFFER_LIFETIME_MS }
  }

  /** Takes a viewer's answer to a counter-offer. @throws Problem 404, or 400 or 422, which leaves the offer as it was. */
  completeCounterOffer(id: SessionId, answerSdp: string): void {
    const viewer = this.#sessions.get(id)
    if (viewer?.role !== 'viewer') throw new Problem('session-not-found', 404, 'There is no such viewer.')
    const { counterOffer } = viewer
    if (counterOffer === undefined)
      throw new Problem('no-counter-offer', 422, 'The session has no offer that waits for an answer.')
    const { gateway, media, cancelExpiry } = counterOffer
    const accepted = acceptCounterAnswer(answerSdp, gateway, media, counterOffer.tracks)
    cancelExpiry()
    viewer.counterOffer = undefined
    viewer.promised = accepted.viewer
    viewer.bundle = accepted.bundle
    viewer.video = accepted.video
    viewer.remoteUfrag = accepted.transport.remoteUfrag
    viewer.remotePassword = accepted.transport.remotePassword
    const { transport, tracks } = accepted
    this.#options.media.send({ type: 'open-viewer', session: id, stream: viewer.stream, transport, tracks })
  }

  /**
   * Gives the session new ICE credentials of ours for the client's new ones; media goes on by the old ones until the client's first check with the new.
   * A restart before that replaces the one that waits. Undefined if there is no such session.
   */
  restartIce(id: SessionId, remote: RemoteIceCredentials): IceRestart | undefined {
    const session = this.#sessions.get(id)
    if (session === undefined) return undefined
    const { media, chance } = this.#options
    const ufrag = newUfrag(chance, this.#ufrags)
    const password = newPassword(chance)
    if (session.confirmedUfrag === undefined) session.confirmedUfrag = session.localUfrag
    else this.#ufrags.delete(session.localUfrag)
    this.#ufrags.add(ufrag)
    session.localUfrag = ufrag
    session.formerRemoteUfrags = [...session.formerRemoteUfrags, session.remoteUfrag].slice(
      -MAX_FORMER_REMOTE_UFRAGS,
    )
    session.remoteUfrag = remote.remoteUfrag
    session.remotePassword = remote.remotePassword
    media.send({ type: 'restart-ice', session: id, localUfrag: ufrag, localPassword: password, ...remote })
    return { ufrag, password, candidates: this.#candidates, bundle: session.bundle }
  }

  /** Undefined if there is no such viewer. @throws Problem 429. */
  subscribe(id: SessionId, types: readonly ViewerEventType[]): EventSubscription | undefined {
    const viewer = this.#sessions.get(id)
    if (viewer?.role !== 'viewer') return undefined
    const subscription = this.#subscriptions.add(id, this.#options.chance.uuid(), types)
    this.#news.greet(subscription, viewer, this.#streamOf(viewer.stream))
    return subscription
  }

  findSubscription(session: SessionId, id: string): EventSubscription | undefined {
    return this.#subscriptions.find(session, id)
  }

  unsubscribe(session: SessionId, id: string): boolean {
    return this.#subscriptions.remove(session, id)
  }

  /** Notes which layer a viewer wants. @throws Problem 404 or 422. */
  selectLayer(id: SessionId, { mediaId, selection }: LayerRequest): void {
    const viewer = this.#sessions.get(id)
    if (viewer?.role !== 'viewer') throw new Problem('session-not-found', 404, 'There is no such viewer.')
    const { video } = viewer
    if (video === undefined || !(mediaId === undefined || [String(video.index), video.mid].includes(mediaId)))
      throw new Problem('unknown-layer', 422, 'The session has no video m-section of that mediaId.')
    const rids = this.#streams.get(viewer.stream)?.publisher?.rids ?? []
    if (selection?.rid !== undefined && !rids.includes(selection.rid)) {
      const known = rids.length === 0 ? 'none' : rids.join(', ')
      throw new Problem('unknown-layer', 422, `The publisher has no such layer; it has ${known}.`)
    }
    viewer.layer = selection
  }

  /** Ends a session, frees all that it had and tells the media wing. False if there is none. */
  end(id: SessionId, reason: EndReason): boolean {
    const session = this.#sessions.get(id)
    if (session === undefined) return false
    this.#close(session, reason)
    return true
  }

  /** Host candidates for answers from now on: the machine's addresses have changed. */
  setCandidates(candidates: readonly ListeningAddress[]): void {
    this.#candidates = candidates
  }

  /** To be called with every event of the media wing. Events of sessions that have ended here already are late, and ignored. */
  handleEvent(event: MediaEvent): void {
    if (event.type === 'load') {
      this.#load = { sentBitsPerSecond: event.sentBitsPerSecond, atMs: this.#options.clock.nowMs() }
    }
    if (!('session' in event)) return
    const session = this.#sessions.get(event.session)
    if (session === undefined) return
    const { clock, onEvent } = this.#options
    switch (event.type) {
      case 'connected':
        session.connected = true
        onEvent({
          type: 'session-connected',
          session,
          remoteAddress: event.remoteAddress,
          srtpProfile: event.srtpProfile,
        })
        this.#news.publisherChanged(this.#streams.get(session.stream))
        break
      case 'ice-restarted':
        this.#confirmUfrag(session, event.localUfrag)
        onEvent({ type: 'ice-restarted', session })
        break
      case 'publisher-silent':
        if (session.role === 'publisher') session.silent = event.silent
        this.#news.publisherChanged(this.#streams.get(session.stream))
        break
      case 'first-packet':
        onEvent({ type: 'first-packet', session, afterMs: clock.nowMs() - session.openedAtMs })
        break
      case 'closed':
        this.#forget(session, event.reason, event.detail)
        break
    }
  }

  /** Refuses new sessions from now on and ends the existing ones; the media wing says goodbye to the clients. */
  shutDown(): void {
    if (this.#shuttingDown) return
    this.#shuttingDown = true
    for (const session of [...this.#sessions.values()]) this.#forget(session, 'shutdown', undefined)
    this.#options.media.send({ type: 'shut-down' })
  }

  /** The publisher that a new viewer will watch, if there is one. @throws Problem 409 or 503. */
  #admitViewer(name: StreamName): PublisherSession | undefined {
    const { limits } = this.#options
    this.#refuseWhenShuttingDown()
    const publisher = this.#streams.get(name)?.publisher
    if (publisher === undefined && !limits.playBeforePublish(name)) throw noPublisher(name)
    this.#refuseWhenFull()
    if ((this.#streams.get(name)?.viewers.size ?? 0) >= limits.maxViewersPerStream) throw streamFull(name)
    this.#refuseWhenBusy()
    return publisher
  }

  #playIdentifiers(name: StreamName): PlayIdentifiers {
    const { chance } = this.#options
    return {
      ssrc: ssrcSource(chance),
      cname: newCname(chance),
      streamId: name.slice(0, MAX_STREAM_ID_LENGTH),
    }
  }

  #close(session: Session, reason: EndReason): void {
    this.#options.media.send({ type: 'close-session', session: session.id, reason })
    this.#forget(session, reason, undefined)
  }

  /** Takes a session out of every map. What is left of its stream is looked after; nothing here throws. */
  #forget(session: Session, reason: EndReason, detail: string | undefined): void {
    const { clock, onEvent } = this.#options
    this.#sessions.delete(session.id)
    this.#ufrags.delete(session.localUfrag)
    if (session.confirmedUfrag !== undefined) this.#ufrags.delete(session.confirmedUfrag)
    onEvent({ type: 'session-ended', session, reason, detail, lastedMs: clock.nowMs() - session.openedAtMs })
    this.#subscriptions.endSession(session.id)
    if (session.role === 'viewer') session.counterOffer?.cancelExpiry()
    const stream = this.#streams.get(session.stream)
    if (stream === undefined) return
    if (session.role === 'viewer') {
      stream.viewers.delete(session)
      this.#news.viewersChanged(stream)
    } else if (stream.publisher === session) {
      stream.publisher = undefined
      this.#news.publisherChanged(stream)
      if (reason !== 'replaced') this.#awaitPublisher(stream)
    }
    this.#dropIfEmpty(stream)
  }

  #confirmUfrag(session: Session, ufrag: string): void {
    if (session.confirmedUfrag !== undefined) this.#ufrags.delete(session.confirmedUfrag)
    if (session.localUfrag === ufrag) {
      session.confirmedUfrag = undefined
      return
    }
    // The check came while yet another restart was on its way to the media wing.
    session.confirmedUfrag = ufrag
    this.#ufrags.add(ufrag)
  }

  #awaitPublisher(stream: Stream): void {
    const { clock, limits, onEvent } = this.#options
    if (stream.viewers.size === 0 || this.#shuttingDown) return
    if (limits.playBeforePublish(stream.name)) {
      onEvent({
        type: 'publisher-awaited',
        stream: stream.name,
        viewers: stream.viewers.size,
        forMs: undefined,
      })
      return
    }
    if (limits.publisherGraceMs === 0) {
      this.#endViewers(stream)
      return
    }
    stream.cancelGrace = clock.schedule(limits.publisherGraceMs, () => {
      stream.cancelGrace = undefined
      this.#endViewers(stream)
    })
    onEvent({
      type: 'publisher-awaited',
      stream: stream.name,
      viewers: stream.viewers.size,
      forMs: limits.publisherGraceMs,
    })
  }

  #endViewers(stream: Stream): void {
    for (const viewer of [...stream.viewers]) this.#close(viewer, 'stream-ended')
  }

  /** A publisher takes its place; viewers that cannot take what it sends are let go, so that they come back with a new offer. */
  #resume(stream: Stream, publisher: PublisherSession): void {
    const { onEvent } = this.#options
    stream.publisher = publisher
    stream.cancelGrace?.()
    stream.cancelGrace = undefined
    if (stream.viewers.size === 0) return
    for (const viewer of [...stream.viewers]) {
      if (playableWith(viewer.promised, publisher.media)) continue
      this.#news.askToReconnect(viewer)
      this.#close(viewer, 'stream-ended')
    }
    onEvent({ type: 'publisher-resumed', stream: stream.name, viewers: stream.viewers.size })
  }

  /** The stream of that name, which is made where there is none. */
  #streamOf(name: StreamName): Stream {
    const stream = this.#streams.get(name) ?? newStream(name)
    this.#streams.set(name, stream)
    return stream
  }

  #dropIfEmpty(stream: Stream): void {
    if (
      stream.publisher !== undefined ||
      stream.viewers.size > 0 ||
      this.#streams.get(stream.name) !== stream
    )
      return
    stream.cancelGrace?.()
    stream.cancelGrace = undefined
    stream.cancelViewerCount?.()
    stream.cancelViewerCount = undefined
    this.#streams.delete(stream.name)
    this.#options.onEvent({ type: 'stream-ended', stream: stream.name })
  }

  #register(session: Session): void {
    this.#sessions.set(session.id, session)
    this.#ufrags.add(session.localUfrag)
    this.#options.onEvent({ type: 'session-opened', session })
  }

  #newSession(
    stream: StreamName,
    transport: { localUfrag: string; remoteUfrag: string; remotePassword: string },
    bundle: BundleTransport,
  ) {
    const { chance, clock } = this.#options
    const { localUfrag, remoteUfrag, remotePassword } = transport
    return {
      id: chance.uuid(),
      stream,
      openedAtMs: clock.nowMs(),
      bundle,
      localUfrag,
      confirmedUfrag: undefined,
      remoteUfrag,
      remotePassword,
      formerRemoteUfrags: [],
      connected: false,
    }
  }

  #describeOurselves(): GatewayTransport {
    const { chance, fingerprint } = this.#options
    return {
      ufrag: newUfrag(chance, this.#ufrags),
      password: newPassword(chance),
      fingerprint,
      candidates: this.#candidates,
      sdpSessionId: newSdpSessionId(chance),
    }
  }

  #mayBeReplaced(publisher: PublisherSession): boolean {
    const { clock, limits } = this.#options
    if (limits.takeover === 'replace' || publisher.silent) return true
    return !publisher.connected && clock.nowMs() - publisher.openedAtMs >= limits.publisherTakeoverMs
  }

  #refuseWhenShuttingDown(): void {
    if (this.#shuttingDown) throw shuttingDown()
  }

  #refuseWhenBusy(): void {
    const { clock, limits } = this.#options
    const { sentBitsPerSecond, atMs } = this.#load
    if (sentBitsPerSecond < limits.maxSendBitsPerSecond || clock.nowMs() - atMs > LOAD_LIFETIME_MS) return
    throw overloaded()
  }

  #refuseWhenFull(): void {
    if (this.#sessions.size >= this.#options.limits.maxSessions) throw gatewayFull()
  }
}
