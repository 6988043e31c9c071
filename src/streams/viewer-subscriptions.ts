/** The event streams of all viewers; those of a session end with it. */
import type { SessionId } from '../media/contract.ts'
import { Problem } from '../signalling/problem.ts'
import { EventSubscription } from './event-subscription.ts'
import type { ViewerEvent, ViewerEventType } from './event-subscription.ts'

/** A page has one; more are pages that forgot to end theirs. */
export const MAX_SUBSCRIPTIONS_PER_SESSION = 4

export class ViewerSubscriptions {
  readonly #bySession = new Map<SessionId, Map<string, EventSubscription>>()

  /** Sessions that have any. */
  get size(): number {
    return this.#bySession.size
  }

  has(session: SessionId): boolean {
    return this.#bySession.has(session)
  }

  /** @throws Problem 429 where the session has as many as it may have. */
  add(session: SessionId, id: string, types: Iterable<ViewerEventType>): EventSubscription {
    const subscriptions = this.#bySession.get(session) ?? new Map<string, EventSubscription>()
    if (subscriptions.size >= MAX_SUBSCRIPTIONS_PER_SESSION) {
      throw new Problem(
        'too-many-subscriptions',
        429,
        `A session has at most ${MAX_SUBSCRIPTIONS_PER_SESSION} event streams; delete one first.`,
      )
    }
    const subscription = new EventSubscription(id, types)
    subscriptions.set(id, subscription)
    this.#bySession.set(session, subscriptions)
    return subscription
  }

  find(session: SessionId, id: string): EventSubscription | undefined {
    return this.#bySession.get(session)?.get(id)
  }

  tell(session: SessionId, event: ViewerEvent): void {
    const subscriptions = this.#bySession.get(session)
    if (subscriptions === undefined) return
    for (const subscription of subscriptions.values()) subscription.tell(event)
  }

  /** @returns false where there is none. */
  remove(session: SessionId, id: string): boolean {
    const subscriptions = this.#bySession.get(session)
    const subscription = subscriptions?.get(id)
    if (subscriptions === undefined || subscription === undefined) return false
    subscription.end()
    subscriptions.delete(id)
    if (subscriptions.size === 0) this.#bySession.delete(session)
    return true
  }

  endSession(session: SessionId): void {
    for (const subscription of this.#bySession.get(session)?.values() ?? []) subscription.end()
    this.#bySession.delete(session)
  }
}
