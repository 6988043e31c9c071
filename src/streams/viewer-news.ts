/** What viewers' event streams are told of their stream, and when (WHEP core extensions, server-sent events). */
import type { Clock } from './clock.ts'
import type { EventSubscription, ViewerEvent } from './event-subscription.ts'
import type { PublisherSession, ViewerSession } from './session.ts'
import type { Stream } from './stream.ts'
import type { ViewerSubscriptions } from './viewer-subscriptions.ts'

/** Thousands may come in one second; each number is told to all who want to know it. */
const VIEWER_COUNT_INTERVAL_MS = 1_000

export class ViewerNews {
  readonly #subscriptions: ViewerSubscriptions
  readonly #clock: Clock

  constructor(subscriptions: ViewerSubscriptions, clock: Clock) {
    this.#subscriptions = subscriptions
    this.#clock = clock
  }

  /** Tells a new subscription how things are. */
  greet(subscription: EventSubscription, viewer: ViewerSession, stream: Stream): void {
    if (stream.active) {
      subscription.tell({ type: 'active', data: {} })
      subscription.tell(layersEvent(viewer, stream.publisher))
    }
    subscription.tell({ type: 'viewercount', data: { viewercount: stream.viewers.size } })
  }

  /** To be called when a stream's publisher has come, gone, connected, or changed between silence and sending. */
  publisherChanged(stream: Stream | undefined): void {
    if (stream === undefined) return
    const { publisher } = stream
    const active = publisher !== undefined && publisher.connected && !publisher.silent
    if (active === stream.active) return
    stream.active = active
    if (this.#subscriptions.size === 0) return
    for (const viewer of stream.viewers) {
      this.#subscriptions.tell(viewer.id, { type: active ? 'active' : 'inactive', data: {} })
      if (active) this.#subscriptions.tell(viewer.id, layersEvent(viewer, publisher))
    }
  }

  /** To be called when a viewer has come or gone. */
  viewersChanged(stream: Stream): void {
    if (stream.cancelViewerCount !== undefined || this.#subscriptions.size === 0) return
    stream.cancelViewerCount = this.#clock.schedule(VIEWER_COUNT_INTERVAL_MS, () => {
      stream.cancelViewerCount = undefined
      const data = { viewercount: stream.viewers.size }
      for (const viewer of stream.viewers) this.#subscriptions.tell(viewer.id, { type: 'viewercount', data })
    })
  }

  /** The viewer's session is about to end, but a new one can be opened. */
  askToReconnect(viewer: ViewerSession): void {
    this.#subscriptions.tell(viewer.id, { type: 'reconnect', data: {} })
  }
}

/** By the index of the m-section, the layers that can be chosen; `encodingId` is what older players read. */
function layersEvent({ video }: ViewerSession, publisher: PublisherSession | undefined): ViewerEvent {
  const layers = (publisher?.rids ?? []).map((rid) => ({ rid, encodingId: rid }))
  return { type: 'layers', data: video === undefined ? {} : { [video.index]: layers } }
}
