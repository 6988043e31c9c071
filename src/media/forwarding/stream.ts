/** A stream joins one publisher, which may come and go, with any number of viewers. */
import type { Publisher, PublisherListener } from './publisher.ts'
import type { Viewer } from './viewer.ts'

export class Stream implements PublisherListener {
  readonly name: string
  #publisher: Publisher | undefined
  readonly #viewers: Viewer[] = []
  readonly #indexOf = new Map<Viewer, number>()
  #nowMs = 0

  constructor(name: string) {
    this.name = name
  }

  get publisher(): Publisher | undefined {
    return this.#publisher
  }

  get viewerCount(): number {
    return this.#viewers.length
  }

  get isEmpty(): boolean {
    return this.#publisher === undefined && this.#viewers.length === 0
  }

  /** Takes another publisher, or none. Viewers stay; the next publisher's packets go on where the last one's ended. */
  setPublisher(publisher: Publisher | undefined, nowMs: number): void {
    if (publisher === this.#publisher) return
    if (this.#publisher !== undefined) {
      this.flush(nowMs)
      this.#publisher.listener = undefined
    }
    this.#publisher = publisher
    if (publisher !== undefined) publisher.listener = this
    this.onSourcesChanged(nowMs)
  }

  /** A viewer that has started already asks for a keyframe by this, one that has not when it starts. */
  addViewer(viewer: Viewer, nowMs = this.#nowMs): void {
    if (this.#indexOf.has(viewer)) return
    this.#indexOf.set(viewer, this.#viewers.length)
    this.#viewers.push(viewer)
    viewer.bind(this.#publisher, nowMs)
  }

  removeViewer(viewer: Viewer, nowMs = this.#nowMs): void {
    const index = this.#indexOf.get(viewer)
    if (index === undefined) return
    this.#indexOf.delete(viewer)
    const last = this.#viewers.pop()
    if (last !== undefined && last !== viewer) {
      this.#viewers[index] = last
      this.#indexOf.set(last, index)
    }
    viewer.bind(undefined, nowMs)
  }

  /**
   * Forwards what arrived since the last flush: each viewer's packets one behind the other, so that they can be sent as
   * one datagram train.
   */
  flush(nowMs: number): void {
    this.#nowMs = nowMs
    const publisher = this.#publisher
    if (publisher === undefined || publisher.arrivals.count === 0) return
    publisher.dropOverwrittenArrivals()
    const viewers = this.#viewers
    for (let i = 0; i < viewers.length; i++) viewers[i]!.forwardArrivals(publisher, nowMs)
    publisher.clearArrivals()
  }

  onArrivalsDue(nowMs: number): void {
    this.flush(nowMs)
  }

  onSourcesChanged(nowMs: number): void {
    this.#nowMs = nowMs
    for (const viewer of this.#viewers) viewer.bind(this.#publisher, nowMs)
  }
}
