/** Which encoding of a simulcast track viewers are sent. The one place that decides it: selection per viewer will go here. */
import type { SourceTrack } from './source-track.ts'

/** The order in `a=simulcast` differs between clients, so bit rates decide; the next layer has at least twice as much. */
const betterBy = 1.3

/**
 * The encoding that viewers should be sent: the greatest of those that are active. `current` is kept unless it has stopped or another one is
 * clearly greater. Undefined while nothing has come.
 */
export function chooseEncoding(
  sources: readonly SourceTrack[],
  current: SourceTrack | undefined,
  inactiveSourceMs: number,
  nowMs: number,
): SourceTrack | undefined {
  let best: SourceTrack | undefined
  for (const source of sources) {
    if (nowMs - source.bitrate.lastPacketMs > inactiveSourceMs) continue
    if (best === undefined || source.bitrate.bitsPerSecond > best.bitrate.bitsPerSecond) best = source
  }
  if (current === undefined || !sources.includes(current)) return best
  if (best === undefined || best === current) return current
  const isActive = nowMs - current.bitrate.lastPacketMs <= inactiveSourceMs
  return isActive && best.bitrate.bitsPerSecond < current.bitrate.bitsPerSecond * betterBy ? current : best
}
