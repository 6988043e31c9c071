/**
 * Offers of real clients (OBS 32, FFmpeg 9, GStreamer, Chromium 156, Firefox 153) and a gateway to answer
 * them.
 */
import { readFileSync } from 'node:fs'
import { answerPlay, answerPublish, parseOffer } from '../../src/sdp/index.ts'
import type { GatewayTransport, PlayAnswer, PublishAnswer, PublishedMedia } from '../../src/sdp/index.ts'

export const publishOffers = [
  'chromium-publish',
  'chromium-publish-simulcast',
  'chromium-publish-simulcast-H264-videoonly',
  'chromium-publish-simulcast-VP8-videoonly',
  'chromium-publish-trickle',
  'ffmpeg',
  'ffmpeg-dtls-active',
  'firefox-publish',
  'firefox-publish-simulcast',
  'obs',
  'obs-av1',
  'obs-simulcast',
  'simple-whip-client',
] as const

export const playOffers = [
  'chromium-play-AV1',
  'chromium-play-H264',
  'chromium-play-VP8',
  'chromium-play-VP9',
  'firefox-play',
  'simple-whep-client',
] as const

export type OfferName = (typeof publishOffers)[number] | (typeof playOffers)[number]

export function readOffer(name: OfferName): string {
  return readFileSync(new URL(`${name}.sdp`, import.meta.url), 'utf8')
}

export const gateway: GatewayTransport = {
  ufrag: 'gatewayU',
  password: 'gatewayPasswordOf32+/Characters0',
  fingerprint: { algorithm: 'sha-256', value: Array.from({ length: 32 }, () => 'AB').join(':') },
  candidates: [
    { address: '198.51.100.7', port: 8080, family: 4 },
    { address: '2001:db8::7', port: 8080, family: 6 },
    { address: '127.0.0.1', port: 8080, family: 4 },
  ],
  sdpSessionId: '4611686018427387904',
}

export function publish(sdp: string): PublishAnswer {
  return answerPublish(parseOffer(sdp), gateway)
}

/** SSRCs count from 1,000. */
export function play(sdp: string, media: PublishedMedia): PlayAnswer {
  let next = 1_000
  return answerPlay(parseOffer(sdp), gateway, media, {
    ssrc: () => next++,
    cname: 'whipway',
    streamId: 'stream',
  })
}

/** The lines of an answer's m-section, counted from 0; of its session part with -1. */
export function sectionOf(answer: string, index: number): string[] {
  return (answer.split(/^(?=m=)/m)[index + 1] ?? '').split('\r\n').filter((line) => line !== '')
}

/** An offer in which every line that the pattern matches is replaced; fails when there is none. */
export function edited(sdp: string, pattern: RegExp, replacement: string): string {
  const result = sdp.replace(
    new RegExp(pattern, pattern.flags.includes('m') ? pattern.flags : `${pattern.flags}m`),
    replacement,
  )
  if (result === sdp) throw new Error(`${pattern.source} matches nothing`)
  return result
}

/** An offer without the lines that the pattern matches; fails when there is none. */
export function without(sdp: string, pattern: RegExp): string {
  const result = sdp
    .split('\r\n')
    .filter((line) => !pattern.test(line))
    .join('\r\n')
  if (result === sdp) throw new Error(`${pattern.source} matches nothing`)
  return result
}

/** A small offer of one video m-section, with the given payload types and format lines. */
export function videoOffer(direction: string, payloadTypes: string, lines: readonly string[]): string {
  return smallOffer([mediaLines('video', '0', direction, payloadTypes, lines)])
}

export function audioOffer(direction: string, payloadTypes: string, lines: readonly string[]): string {
  return smallOffer([mediaLines('audio', '0', direction, payloadTypes, lines)])
}

export function mediaLines(
  kind: string,
  mid: string,
  direction: string,
  payloadTypes: string,
  lines: readonly string[],
): string[] {
  return [
    `m=${kind} 9 UDP/TLS/RTP/SAVPF ${payloadTypes}`,
    'c=IN IP4 0.0.0.0',
    `a=mid:${mid}`,
    `a=${direction}`,
    'a=rtcp-mux',
    'a=setup:actpass',
    ...lines,
  ]
}

/** Transport at the session level, each m-section in the bundle. */
export function smallOffer(sections: readonly (readonly string[])[]): string {
  const mids = sections.flatMap((lines) =>
    lines.filter((line) => line.startsWith('a=mid:')).map((line) => line.slice(6)),
  )
  return [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    `a=group:BUNDLE ${mids.join(' ')}`,
    'a=ice-ufrag:user',
    'a=ice-pwd:passwordpasswordpassword',
    `a=fingerprint:sha-256 ${Array.from({ length: 32 }, () => '0F').join(':')}`,
    ...sections.flat(),
    '',
  ].join('\r\n')
}
