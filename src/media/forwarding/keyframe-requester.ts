/** When to ask a publisher for a keyframe, by PLI (RFC 4585 section 6.3.1) or FIR (RFC 5104 section 4.3.1). */
import type { Feedback } from '../contract.ts'

export type KeyframeRequestMethod = 'pli' | 'fir' | 'none'

/** PLI is preferred: "FIR SHALL NOT be sent as a reaction to picture losses" (RFC 5104 section 3.5.1). */
export function keyframeRequestMethod(feedback: Feedback): KeyframeRequestMethod {
  if (feedback.pli) return 'pli'
  return feedback.fir ? 'fir' : 'none'
}

/**
 * Any number of viewers that wait for one encoding's keyframe make one request per interval. It is repeated, each time after twice the
 * wait, until a keyframe came or nobody waits any more.
 */
export class KeyframeRequester {
  readonly method: KeyframeRequestMethod
  readonly #intervalMs: number
  readonly #maxIntervalMs: number
  #waiters = 0
  #lastMs = -Infinity
  #nextMs = Infinity
  #repeatMs: number
  /** FIR's command sequence number: repetitions keep it. */
  commandSequenceNumber = 0
  requests = 0

  constructor(method: KeyframeRequestMethod, intervalMs: number, maxIntervalMs: number) {
    this.method = method
    this.#intervalMs = intervalMs
    this.#maxIntervalMs = maxIntervalMs
    this.#repeatMs = intervalMs
  }

  /** One more viewer needs a keyframe. */
  addWaiter(nowMs: number): void {
    this.#waiters++
    if (this.method === 'none') return
    this.#nextMs = Math.min(this.#nextMs, Math.max(nowMs, this.#lastMs + this.#intervalMs))
  }

  /** A viewer got one, or has gone. */
  removeWaiter(): void {
    this.#waiters--
    if (this.#waiters === 0) this.#nextMs = Infinity
  }

  /** A keyframe starts. Who still waits after this has missed it, and it is asked for again. */
  receiveKeyframe(nowMs: number): void {
    this.#repeatMs = this.#intervalMs
    if (this.#nextMs !== Infinity) this.#nextMs = nowMs + this.#intervalMs
    if (this.#lastMs > -Infinity) this.commandSequenceNumber = (this.commandSequenceNumber + 1) & 0xff
  }

  /** When `takeDue` is true next; Infinity while nobody waits or the publisher takes no requests. */
  get nextTimeoutMs(): number {
    return this.#nextMs
  }

  /** Whether to send a request now. */
  takeDue(nowMs: number): boolean {
    if (nowMs < this.#nextMs) return false
    this.requests++
    this.#lastMs = nowMs
    this.#nextMs = nowMs + this.#repeatMs
    this.#repeatMs = Math.min(this.#repeatMs * 2, this.#maxIntervalMs)
    return true
  }
}
