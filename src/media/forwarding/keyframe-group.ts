/** The packets of a source since its last keyframe: what a viewer who joins now has to be sent to see what the others see. */
import type { ForwardingLimits } from './limits.ts'
import type { SourceTrack } from './source-track.ts'

/** A packet that is missing for longer than this will not be repaired any more: requests for it were repeated several times by then. */
export const repairWaitMs = 200

export interface KeyframeGroup {
  /** Number of the keyframe's first packet. */
  readonly firstNumber: number
  /** Of all payloads. */
  readonly bytes: number
}

/** Undefined where there is none, where it is too old or too large to be sent at once, or where a part of it is lost for good. */
export function findKeyframeGroup(
  source: SourceTrack,
  limits: ForwardingLimits,
  nowMs: number,
): KeyframeGroup | undefined {
  const { store } = source
  const marked = store.find(store.lastKeyframeNumber)
  if (!limits.instantStart || marked < 0) return undefined
  // It has just come, and the next flush brings it.
  if (store.arrivalOrdinals[marked]! >= store.forwardedArrivals) return undefined
  const timestamp = store.timestamps[marked]!
  let firstNumber = store.lastKeyframeNumber
  for (let slot = store.find(firstNumber - 1); slot >= 0; slot = store.find(firstNumber - 1)) {
    if (store.timestamps[slot] !== timestamp) break
    firstNumber--
  }
  const first = store.find(firstNumber)
  const ageMs = nowMs - store.arrivalsMs[first]!
  if (ageMs > limits.instantStartMs) return undefined
  // What is missing in front may be the parameter sets; once it will not come any more, those known from before are sent instead.
  if (ageMs <= repairWaitMs && source.keyframeStart(first) < firstNumber) return undefined

  let bytes = 0
  let isWhole = true
  for (let number = firstNumber; number <= store.highestNumber; number++) {
    const slot = store.find(number)
    if (slot < 0) {
      isWhole = false
      continue
    }
    if (!isWhole && nowMs - store.arrivalsMs[slot]! > repairWaitMs) return undefined
    isWhole = true
    bytes += store.payloadLengths[slot]!
    if (bytes > limits.instantStartBytes) return undefined
  }
  return { firstNumber, bytes }
}
