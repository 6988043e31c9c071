/**
 * What one viewer's event stream has still to be told (WHEP core extensions, server-sent events). Of each type only the latest matters, so that at
 * most one of each waits, however long nobody reads.
 */

export const viewerEventTypes = ['active', 'inactive', 'layers', 'viewercount', 'reconnect'] as const
export type ViewerEventType = (typeof viewerEventTypes)[number]

export interface ViewerEvent {
  readonly type: ViewerEventType
  /** Becomes the one `data:` line, as JSON. */
  readonly data: object
}

export interface EventReader {
  event(event: ViewerEvent): void
  /** The subscription has ended, or somebody else reads it now. */
  end(): void
}

export class EventSubscription {
  readonly id: string
  readonly #types: ReadonlySet<ViewerEventType>
  readonly #waiting = new Map<ViewerEventType, ViewerEvent>()
  #reader: EventReader | undefined
  /** 'inactive' means nothing to whom the stream has never been 'active'. */
  #wasActive = false

  constructor(id: string, types: Iterable<ViewerEventType>) {
    this.id = id
    this.#types = new Set(types)
  }

  tell(event: ViewerEvent): void {
    const { type } = event
    if (type === 'active') {
      this.#wasActive = true
      this.#waiting.delete('inactive')
    } else if (type === 'inactive') {
      if (!this.#wasActive) return
      // An 'active' that nobody has read is as good as never said; 'inactive' must not be the first thing that is.
      if (this.#waiting.delete('active')) {
        this.#wasActive = false
        return
      }
    }
    if (!this.#types.has(type)) return
    if (this.#reader !== undefined) this.#reader.event(event)
    else {
      this.#waiting.delete(type) // so that the order is that of the latest events
      this.#waiting.set(type, event)
    }
  }

  /** Hands over what waits and, from now on, each event as it comes; a former reader is ended. */
  read(reader: EventReader): void {
    this.#reader?.end()
    this.#reader = reader
    for (const event of this.#waiting.values()) reader.event(event)
    this.#waiting.clear()
  }

  /** The reader has gone: events wait again. */
  release(reader: EventReader): void {
    if (this.#reader === reader) this.#reader = undefined
  }

  end(): void {
    this.#waiting.clear()
    this.#reader?.end()
    this.#reader = undefined
  }
}
