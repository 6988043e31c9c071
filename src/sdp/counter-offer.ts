/**
 * A WHEP counter-offer (draft-ietf-wish-whep section 4.3): the gateway offers what the publisher sends, and the player answers. It is the answer to a player
 * that would take exactly this, turned round, and the player's answer is read as an offer of what it takes: so one set of rules serves both ways.
 */
import type { PlayedTrack } from '../media/contract.ts'
import { headerExtensionUris } from '../media/rtp/codecs.ts'
import { answerPlay, type PlayAnswer, type PlayIdentifiers } from './answer-play.ts'
import { codecMismatch, unusableMedia } from './offer-problem.ts'
import { formatParametersText } from './format-parameters.ts'
import type { GatewayTransport } from './gateway-transport.ts'
import { parseOffer } from './parse-offer.ts'
import type { MediaFormat, PublishedMedia } from './published-media.ts'

export interface CounterOffer extends Omit<PlayAnswer, 'answer' | 'transport'> {
  /** The SDP offer, sendonly. */
  readonly offer: string
}

const payloadTypes = { audio: { media: 111, rtx: undefined }, video: { media: 96, rtx: 97 } } as const

/** In the order of their ids, from 1. */
const extensions = [
  'mid',
  'transportWideCc',
  'absSendTime',
  'absCaptureTime',
  'audioLevel',
  'videoOrientation',
  'playoutDelay',
  'dependencyDescriptor',
] as const

export function writeCounterOffer(
  gateway: GatewayTransport,
  media: PublishedMedia,
  ids: PlayIdentifiers,
): CounterOffer {
  const { answer, bundle, video, tracks, viewer } = answerPlay(
    parseOffer(idealPlayer(media)),
    gateway,
    media,
    ids,
  )
  // RFC 8842 section 5.2: an offerer leaves the choice to the other side.
  return {
    bundle,
    video,
    tracks,
    viewer,
    offer: answer.replaceAll('\r\na=setup:passive\r\n', '\r\na=setup:actpass\r\n'),
  }
}

/** @throws Problem 400 or 422 for an answer that cannot be read or takes nothing. */
export function acceptCounterAnswer(
  answerSdp: string,
  gateway: GatewayTransport,
  media: PublishedMedia,
  offered: readonly PlayedTrack[],
): PlayAnswer {
  const accepted = answerPlay(parseOffer(answerSdp), gateway, media, {
    ssrc: () => 1, // replaced below
    cname: offered[0]?.cname ?? '',
    streamId: '-',
  })
  const tracks = accepted.tracks.map((track): PlayedTrack => {
    const promised = offered.find(({ mid }) => mid === track.mid)
    if (promised === undefined || promised.kind !== track.kind)
      throw unusableMedia('the answer has an m-section that was not offered')
    if (promised.payloadType !== track.payloadType)
      throw codecMismatch(`the answer leaves out payload type ${promised.payloadType}`)
    const { ssrc, rtxSsrc } = promised
    // Both or neither: what was offered with RTX may be answered without it, but not the other way round.
    return { ...track, ssrc, ...(track.rtxSsrc !== undefined && rtxSsrc !== undefined && { rtxSsrc }) }
  })
  return { ...accepted, tracks }
}

/** The offer of a player that takes what the publisher sends and nothing else. */
function idealPlayer(media: PublishedMedia): string {
  const sections = [media.audio, media.video].filter((format) => format !== undefined)
  const mids = sections.map((_, index) => String(index))
  const lines = [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    `a=group:BUNDLE ${mids.join(' ')}`,
    ...sections.flatMap((format, index) => section(format, String(index))),
  ]
  return lines.map((line) => `${line}\r\n`).join('')
}

function section({ kind, codec, clockRate, channels, parameters }: MediaFormat, mid: string): string[] {
  const { media, rtx } = payloadTypes[kind]
  const parameterText = formatParametersText(parameters)
  const feedback = kind === 'video' ? ['nack', 'nack pli', 'ccm fir', 'transport-cc'] : ['transport-cc']
  return [
    `m=${kind} 9 UDP/TLS/RTP/SAVPF ${[media, rtx].filter((type) => type !== undefined).join(' ')}`,
    'c=IN IP4 0.0.0.0',
    'a=ice-ufrag:none',
    'a=ice-pwd:nobodyIsThereYetToCheck',
    `a=fingerprint:sha-256 ${Array.from({ length: 32 }, () => '00').join(':')}`,
    'a=setup:actpass',
    `a=mid:${mid}`,
    ...extensions.map((name, index) => `a=extmap:${index + 1} ${headerExtensionUris[name]}`),
    'a=recvonly',
    'a=rtcp-mux',
    'a=rtcp-rsize',
    `a=rtpmap:${media} ${codec}/${clockRate}${channels > 1 ? `/${channels}` : ''}`,
    ...feedback.map((value) => `a=rtcp-fb:${media} ${value}`),
    ...(parameterText === '' ? [] : [`a=fmtp:${media} ${parameterText}`]),
    ...(rtx === undefined ? [] : [`a=rtpmap:${rtx} rtx/${clockRate}`, `a=fmtp:${rtx} apt=${media}`]),
  ]
}
