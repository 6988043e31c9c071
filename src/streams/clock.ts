/** Time as the streams see it, so that tests can turn it by hand. */

export interface Clock {
  /** Monotonic, in milliseconds. */
  nowMs(): number
  /** Calls `action` once after `delayMs`, unless the returned function is called before. */
  schedule(delayMs: number, action: () => void): () => void
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  schedule(delayMs, action) {
    const timer = setTimeout(action, delayMs)
    return () => clearTimeout(timer)
  },
}
