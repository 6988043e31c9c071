/** Which encoding of a simulcast track viewers are sent. The one place that decides it: selection per viewer will go here. */
import type { PublishedTrack } from '../contract.ts'
import type { SourceTrack } from './source-track.ts'

/** How often the choice is looked at again. */
const intervalMs = 250

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

/** The present choice for each of a publisher's m-sections. */
export class LayerChoice {
  readonly #tracks: readonly PublishedTrack[]
  readonly #inactiveSourceMs: number
  readonly #preferred: (SourceTrack | undefined)[]
  /** When `choose` is to be called next; Infinity where there is nothing to choose. */
  nextTimeoutMs = Infinity

  constructor(tracks: readonly PublishedTrack[], inactiveSourceMs: number) {
    this.#tracks = tracks
    this.#inactiveSourceMs = inactiveSourceMs
    this.#preferred = tracks.map(() => undefined)
  }

  /** The encoding of an m-section that viewers are to be sent; undefined while none is known. */
  preferred(trackIndex: number): SourceTrack | undefined {
    return this.#preferred[trackIndex]
  }

  /** An encoding has come, or has taken the place of `former`. One without alternatives is chosen before it sends anything. */
  add(source: SourceTrack, former: SourceTrack | undefined): void {
    const { trackIndex } = source
    if (this.#isSingle(trackIndex) || (former !== undefined && this.#preferred[trackIndex] === former)) {
      this.#preferred[trackIndex] = source
    }
  }

  /** A packet has come: where it is the first of its m-section, it settles the first choice. */
  isDue(source: SourceTrack): boolean {
    return this.#preferred[source.trackIndex] === undefined
  }

  /** Chooses again; true where a choice has changed. */
  choose(sources: readonly SourceTrack[], nowMs: number): boolean {
    this.nextTimeoutMs = nowMs + intervalMs
    let hasChanged = false
    for (let i = 0; i < this.#tracks.length; i++) {
      if (this.#isSingle(i)) continue
      const candidates = sources.filter((source) => source.trackIndex === i)
      const chosen = chooseEncoding(candidates, this.#preferred[i], this.#inactiveSourceMs, nowMs)
      if (chosen !== this.#preferred[i]) hasChanged = true
      this.#preferred[i] = chosen
    }
    return hasChanged
  }

  #isSingle(trackIndex: number): boolean {
    return this.#tracks[trackIndex]?.encodings.length === 1
  }
}
