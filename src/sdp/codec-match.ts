/**
 * Which formats of an offer the gateway passes through, and which of a viewer's formats plays what a
 * publisher sends.
 */
import { codecs, type Codec, type CodecName, type MediaKind } from '../media/rtp/codecs.ts'
import { h264Profile, h264ProfileDistance, packetizationMode, profileLevelId } from './h264-profile.ts'
import type { Format, FormatParameters } from './offer.ts'
import type { MediaFormat, PublishedMedia, ViewerMedia } from './published-media.ts'

const codecsByName: ReadonlyMap<string, Codec & { readonly name: CodecName }> = new Map(
  Object.values(codecs).map((codec) => [codec.name.toLowerCase(), codec]),
)

/**
 * Distance of formats that work in practice but not by the letter: used when a viewer offers nothing better.
 */
const lastResort = 100

/**
 * The codec of a format, or undefined when the gateway does not pass it through (RTX, FEC, RED, comfort
 * noise, unknown ones).
 */
export function codecOf(format: Format, kind: MediaKind): CodecName | undefined {
  const codec = codecsByName.get(format.name.toLowerCase())
  return codec?.kind === kind && codec.clockRate === format.clockRate ? codec.name : undefined
}

/**
 * H.264 with packetization mode 0 (one NAL unit a packet) is what hardly any encoder means: taken only when
 * nothing else is offered.
 */
export function isLastResort(format: Format, codec: CodecName): boolean {
  return codec === 'H264' && packetizationMode(format.parameters) !== '1'
}

export function mediaFormat(format: Format, kind: MediaKind, codec: CodecName, mid: string): MediaFormat {
  const { clockRate, channels, parameters } = format
  return { kind, mid, codec, clockRate, channels, parameters }
}

/** Stands for a profile that is no number: such a format plays nowhere. */
const notANumber = -1

/** The number of a parameter, as in `profile-id=2`, or what its absence means. */
function numeric(parameters: FormatParameters, name: string, absent: number): number {
  const value = parameters[name]
  if (value === undefined) return absent
  return /^\d{1,3}$/.test(value) ? Number(value) : notANumber
}

/** 0 for the same profile, 1 for a decoder profile that includes the sent one, undefined otherwise. */
function profileDistance(
  sent: number,
  played: number,
  includes: (sent: number, played: number) => boolean,
): number | undefined {
  if (sent === notANumber || played === notANumber) return undefined
  if (sent === played) return 0
  return includes(sent, played) ? 1 : undefined
}

/**
 * How well a viewer's format plays a publisher's: 0 is an exact match, undefined means that it does not play.
 */
export function playDistance(publisher: MediaFormat, viewer: Omit<MediaFormat, 'mid'>): number | undefined {
  if (publisher.codec !== viewer.codec) return undefined
  const sent = publisher.parameters
  const played = viewer.parameters
  switch (publisher.codec) {
    case 'H264': {
      const distance = h264ProfileDistance(sent, played)
      if (distance === undefined) return undefined
      const sentMode = packetizationMode(sent)
      const playedMode = packetizationMode(played)
      if (sentMode === playedMode) return distance
      // Mode 1 includes mode 0 (RFC 6184 section 6.3); receivers that offer mode 0 depacketize mode 1 all the
      // same.
      return playedMode === '1' ? distance + decoderMargin : distance + lastResort
    }
    case 'H265': {
      // RFC 7798 section 7.1; a Main 10 decoder (2) plays Main (1), and high tier includes main tier.
      if (numeric(sent, 'tier-flag', 0) > numeric(played, 'tier-flag', 0)) return undefined
      return profileDistance(
        numeric(sent, 'profile-id', 1),
        numeric(played, 'profile-id', 1),
        (from, to) => from === 1 && to === 2,
      )
    }
    case 'VP9':
      // RFC 9628 section 6: each profile is a bitstream of its own.
      return profileDistance(numeric(sent, 'profile-id', 0), numeric(played, 'profile-id', 0), () => false)
    case 'AV1':
      // AV1 section A.2: Main (0) is part of High (1), which is part of Professional (2).
      return profileDistance(
        numeric(sent, 'profile', 0),
        numeric(played, 'profile', 0),
        (from, to) => from < to,
      )
    case 'multiopus':
      return publisher.channels === viewer.channels &&
        multiopusParameters.every((name) => sent[name] === played[name])
        ? 0
        : undefined
    case 'VP8':
    case 'opus':
    case 'PCMU':
    case 'PCMA':
    case 'G722':
      return 0
  }
}

/**
 * Added to a profile's distance where the packetization mode is wider than what is sent; below `lastResort`.
 */
const decoderMargin = 10

/**
 * How the channels are spread over Opus streams: without agreement on these, sound comes out of the wrong
 * speakers.
 */
const multiopusParameters = ['channel_mapping', 'num_streams', 'coupled_streams']

/**
 * Whether a viewer that was answered with `viewer` can go on watching when another publisher sends `media`.
 */
export function playableWith(viewer: ViewerMedia, media: PublishedMedia): boolean {
  let common = 0
  for (const kind of ['audio', 'video'] as const) {
    const promised = viewer[kind]
    const sent = media[kind]
    if (promised === undefined || sent === undefined) continue
    if (playDistance(sent, promised) === undefined) return false
    common++
  }
  return common > 0
}

function profileText(profile: number): string {
  return profile === notANumber ? 'unknown' : String(profile)
}

/** A format in words, as in 'H264 constrained-baseline 42e01f'. */
export function describeFormat(format: Omit<MediaFormat, 'mid'>): string {
  const { codec, parameters } = format
  switch (codec) {
    case 'H264': {
      const mode = packetizationMode(parameters) === '1' ? '' : ' packetization-mode 0'
      return `H264 ${h264Profile(parameters) ?? 'profile'} ${profileLevelId(parameters) ?? 'unknown'}${mode}`
    }
    case 'H265':
      return `H265 profile ${profileText(numeric(parameters, 'profile-id', 1))}`
    case 'VP9':
      return `VP9 profile ${profileText(numeric(parameters, 'profile-id', 0))}`
    case 'AV1':
      return `AV1 profile ${profileText(numeric(parameters, 'profile', 0))}`
    case 'multiopus':
      return `multiopus ${format.channels} channels`
    case 'VP8':
    case 'opus':
    case 'PCMU':
    case 'PCMA':
    case 'G722':
      return codec
  }
}
