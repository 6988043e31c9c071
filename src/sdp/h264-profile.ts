/**
 * H.264 profiles as `profile-level-id` gives them, and which decoders play which streams (RFC 6184 section
 * 8.1, H.264 annex A.2).
 */
import { parseProfileLevelId, Profile } from 'h264-profile-level-id'
import type { FormatParameters } from './offer.ts'

export type H264Profile =
  'constrained-baseline' | 'baseline' | 'main' | 'constrained-high' | 'high' | 'high-4:4:4-predictive'

const profileNames: ReadonlyMap<Profile, H264Profile> = new Map([
  [Profile.ConstrainedBaseline, 'constrained-baseline'],
  [Profile.Baseline, 'baseline'],
  [Profile.Main, 'main'],
  [Profile.ConstrainedHigh, 'constrained-high'],
  [Profile.High, 'high'],
  [Profile.PredictiveHigh444, 'high-4:4:4-predictive'],
])

/**
 * Decoders by the streams they play, the closest first. Plain baseline differs from constrained baseline by
 * tools against packet loss (FMO, ASO, redundant slices) that no encoder in use produces, while FFmpeg and
 * Chromium call their streams baseline: so both are played by the same decoders.
 */
const decoders: Readonly<Record<H264Profile, readonly H264Profile[]>> = {
  'constrained-baseline': [
    'constrained-baseline',
    'baseline',
    'main',
    'constrained-high',
    'high',
    'high-4:4:4-predictive',
  ],
  baseline: ['baseline', 'constrained-baseline', 'main', 'constrained-high', 'high', 'high-4:4:4-predictive'],
  main: ['main', 'high', 'high-4:4:4-predictive'],
  'constrained-high': ['constrained-high', 'high', 'high-4:4:4-predictive'],
  high: ['high', 'high-4:4:4-predictive'],
  'high-4:4:4-predictive': ['high-4:4:4-predictive'],
}

/**
 * What an offer without `profile-level-id` means: baseline by RFC 6184, and every browser takes it for
 * constrained baseline.
 */
const defaultProfileLevelId = '42e01f'

/** A level that the parser knows: profiles are told apart by the first two bytes, whatever the level. */
const anyLevel = '1f'

/** Six hexadecimal digits in lower case; undefined where the parameter is something else. */
export function profileLevelId(parameters: FormatParameters): string | undefined {
  const id = (parameters['profile-level-id'] ?? defaultProfileLevelId).toLowerCase()
  return /^[0-9a-f]{6}$/.test(id) ? id : undefined
}

/**
 * Returns undefined for a profile that RFC 6184 and browsers do not name (High 10, SVC, ...) and for what is
 * no profile-level-id.
 */
export function h264Profile(parameters: FormatParameters): H264Profile | undefined {
  const id = profileLevelId(parameters)
  if (id === undefined) return undefined
  const parsed = parseProfileLevelId(id.slice(0, 4) + anyLevel)
  return parsed === undefined ? undefined : profileNames.get(parsed.profile)
}

/** RFC 6184 section 6.2; a missing parameter means mode 0. */
export function packetizationMode(parameters: FormatParameters): string {
  return parameters['packetization-mode'] ?? '0'
}

/**
 * How well a decoder offered with `viewer` plays a stream sent with `publisher`: 0 for the same profile, more
 * for a wider one, undefined for not at all. Levels are not compared: encoders state them loosely and
 * decoders play beyond them.
 */
export function h264ProfileDistance(
  publisher: FormatParameters,
  viewer: FormatParameters,
): number | undefined {
  const sent = h264Profile(publisher)
  const played = h264Profile(viewer)
  if (sent === undefined || played === undefined) {
    // An unnamed profile plays where the very same one is offered.
    const named = profileLevelId(publisher)?.slice(0, 4)
    return named !== undefined && named === profileLevelId(viewer)?.slice(0, 4) ? 0 : undefined
  }
  const distance = decoders[sent].indexOf(played)
  return distance < 0 ? undefined : distance
}
