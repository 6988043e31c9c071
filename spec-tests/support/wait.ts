/** Waits for a condition with a deadline, so that no test has to guess how long something takes. */

export interface WaitOptions {
  readonly timeoutMs?: number
  readonly intervalMs?: number
}

/**
 * Resolves with the first value of `probe` that is neither undefined nor false. Throws when there was none by the deadline, with
 * `what` and what `describe` says of the state at that time.
 */
export async function waitFor<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  { timeoutMs = 15_000, intervalMs = 50 }: WaitOptions = {},
  describe: () => unknown = () => undefined,
): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const value = await probe()
    if (value !== undefined && value !== false) return value
    if (performance.now() >= deadline) {
      throw new Error(`waited ${timeoutMs} ms for: ${what}; state: ${JSON.stringify(await describe())}`)
    }
    await new Promise((resolve) => setTimeout(resolve, intervalMs))
  }
}
