/** What joins have in common. */
import type { ShownPicture } from '../../spec-tests/support/chromium.ts'

export interface Join {
  /** From the POST to the first decoded picture. */
  readonly firstPictureMs: number
  /** How much later than the viewer who was there from the start the same pictures are shown; NaN where none could be compared. */
  readonly behindMs: number
}

/** Numbers of pictures repeat every 4 s: the same number within this time is the same picture. */
const samePictureMs = 2_000

/** The median over the pictures shown in the window. */
export function behindMs(
  pictures: readonly ShownPicture[],
  reference: readonly ShownPicture[],
  window: { readonly fromMs: number; readonly toMs: number },
): number {
  const differences: number[] = []
  for (const { number, shownMs } of pictures) {
    if (shownMs < window.fromMs || shownMs > window.toMs) continue
    const same = reference.find(
      (candidate) => candidate.number === number && Math.abs(candidate.shownMs - shownMs) < samePictureMs,
    )
    if (same !== undefined) differences.push(shownMs - same.shownMs)
  }
  return percentile(differences, 0.5)
}

/** The nearest rank. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN
}

export function summarise(joins: readonly Join[]): string {
  const first = joins.map((join) => join.firstPictureMs)
  const behind = joins.map((join) => join.behindMs).filter((value) => !Number.isNaN(value))
  const show = (values: readonly number[], share: number) => percentile(values, share).toFixed(0)
  return [
    `POST to first picture median ${show(first, 0.5)} ms, p95 ${show(first, 0.95)} ms, at most ${show(first, 1)} ms`,
    `behind the first viewer 3 s later median ${show(behind, 0.5)} ms, p95 ${show(behind, 0.95)} ms, at most ${show(behind, 1)} ms`,
    `${joins.length} joins, ${behind.length} compared`,
  ].join('; ')
}
