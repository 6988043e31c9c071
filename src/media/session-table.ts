/** The sessions of a media thread and the streams they belong to. */
import type { SessionId, StreamName } from './contract.ts'
import { Stream } from './forwarding/stream.ts'
import type { MediaSession } from './session.ts'

export class SessionTable {
  readonly #sessions = new Map<SessionId, MediaSession>()
  readonly #byUfrag = new Map<string, MediaSession>()
  readonly #streams = new Map<StreamName, Stream>()
  /** All sessions of a stream, a publisher that is still connecting among them: the stream lives as long as it has one. */
  readonly #members = new Map<Stream, Set<MediaSession>>()
  readonly #publishers = new Map<Stream, MediaSession>()

  get size(): number {
    return this.#sessions.size
  }

  get streams(): number {
    return this.#streams.size
  }

  values(): MediaSession[] {
    return [...this.#sessions.values()]
  }

  get(id: SessionId): MediaSession | undefined {
    return this.#sessions.get(id)
  }

  byUfrag(ufrag: string): MediaSession | undefined {
    return this.#byUfrag.get(ufrag)
  }

  /** The stream of that name, which is made where there is none; it is kept once a session of it is added. */
  stream(name: StreamName): Stream {
    return this.#streams.get(name) ?? new Stream(name)
  }

  add(session: MediaSession): void {
    this.#sessions.set(session.id, session)
    this.#byUfrag.set(session.localUfrag, session)
    const { stream } = session
    this.#streams.set(stream.name, stream)
    const members = this.#members.get(stream)
    if (members === undefined) this.#members.set(stream, new Set([session]))
    else members.add(session)
  }

  /** From now on the session is found by `ufrag` too; a restart that was not confirmed before is forgotten. */
  beginIceRestart(session: MediaSession, ufrag: string): void {
    if (session.nextLocalUfrag !== undefined) this.#byUfrag.delete(session.nextLocalUfrag)
    session.nextLocalUfrag = ufrag
    this.#byUfrag.set(ufrag, session)
  }

  /** From now on the session is found by its new ufrag alone. */
  completeIceRestart(session: MediaSession): void {
    if (session.nextLocalUfrag === undefined) return
    this.#byUfrag.delete(session.localUfrag)
    session.localUfrag = session.nextLocalUfrag
    session.nextLocalUfrag = undefined
  }

  /** @returns false where the session was not there. */
  remove(session: MediaSession): boolean {
    if (!this.#sessions.delete(session.id)) return false
    this.#byUfrag.delete(session.localUfrag)
    if (session.nextLocalUfrag !== undefined) this.#byUfrag.delete(session.nextLocalUfrag)
    const { stream } = session
    if (this.publisherOf(stream) === session) this.#publishers.delete(stream)
    const members = this.#members.get(stream)
    members?.delete(session)
    if (members?.size === 0) {
      this.#members.delete(stream)
      this.#streams.delete(stream.name)
    }
    return true
  }

  /** The connected publisher of a stream. */
  publisherOf(stream: Stream): MediaSession | undefined {
    return this.#publishers.get(stream)
  }

  setPublisher(session: MediaSession): void {
    this.#publishers.set(session.stream, session)
  }
}
