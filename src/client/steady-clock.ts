/** Calls back at a constant rate without drift: each call is due at start + n * interval, however late the one before was. */

/** Further behind than this the missed calls are skipped, so that a stalled process does not send a burst. */
const maxCatchUpMs = 100

/** `tick` is given the call's number and the time it stands for, in ms since the start. Returns a function that stops it. */
export function startSteadyClock(
  intervalMs: number,
  tick: (number: number, elapsedMs: number) => void,
): () => void {
  const start = performance.now()
  let number = 0
  let timer = setTimeout(run, 0)

  function run(): void {
    const elapsed = performance.now() - start
    if (elapsed - number * intervalMs > maxCatchUpMs) number = Math.floor(elapsed / intervalMs)
    while (number * intervalMs <= elapsed) {
      tick(number, number * intervalMs)
      number++
    }
    timer = setTimeout(run, Math.max(0, start + number * intervalMs - performance.now()))
  }

  return () => clearTimeout(timer)
}
