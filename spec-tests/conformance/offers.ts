/** Writes the SDP that the checks send: offers of a client that has no candidates yet, answers to counter-offers, ICE fragments. */
import { randomBytes } from 'node:crypto'
import type { Description } from './description.ts'
import { attributeOf, mediaKindOf, payloadTypesOf } from './description.ts'

export type Direction = 'sendonly' | 'recvonly' | 'sendrecv' | 'inactive'

export interface IceCredentials {
  readonly ufrag: string
  readonly password: string
}

/** RFC 8839 section 5.4: the characters of ICE credentials are those of base64 without padding. */
export const newIceCredentials = (): IceCredentials => ({
  ufrag: randomBytes(6).toString('base64'),
  password: randomBytes(18).toString('base64'),
})

export interface OfferOptions {
  readonly direction: Direction
  readonly ice: IceCredentials
  readonly setup?: 'actpass' | 'active' | 'passive'
  readonly candidates?: readonly string[]
  /** Simulcast layers of the video. */
  readonly rids?: readonly string[]
  /** How many video m-sections there are. */
  readonly videos?: number
  readonly audio?: boolean
  /** Gives the video a stream of its own. */
  readonly separateStreams?: boolean
  /** Instead of codecs that servers know. */
  readonly videoCodec?: string
}

const fingerprint = Array.from({ length: 32 }, (_, index) => (index + 0x10).toString(16).toUpperCase()).join(
  ':',
)

const videoFormats = [
  'a=rtpmap:96 VP8/90000',
  'a=rtcp-fb:96 nack',
  'a=rtcp-fb:96 nack pli',
  'a=rtpmap:102 H264/90000',
  'a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f',
  'a=rtcp-fb:102 nack',
  'a=rtcp-fb:102 nack pli',
]
/** Viewers offer as much as they can, so that whatever is live fits. */
const viewerFormats = [
  'a=rtpmap:98 VP9/90000',
  'a=fmtp:98 profile-id=0',
  'a=rtpmap:45 AV1/90000',
  'a=rtpmap:49 H265/90000',
  'a=rtpmap:104 H264/90000',
  'a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=640034',
  'a=rtpmap:106 H264/90000',
  'a=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d0034',
]

export function writeOffer(options: OfferOptions): string {
  const { direction, videos = 1, audio = true, separateStreams = false, videoCodec, rids = [] } = options
  const sends = direction === 'sendonly' || direction === 'sendrecv'
  const known = sends ? videoFormats : [...videoFormats, ...viewerFormats]
  const formats = videoCodec === undefined ? known : [`a=rtpmap:96 ${videoCodec}/90000`]
  const sections = [
    ...(audio
      ? [{ kind: 'audio', formats: ['a=rtpmap:111 opus/48000/2', 'a=fmtp:111 minptime=10;useinbandfec=1'] }]
      : []),
    ...Array.from({ length: videos }, () => ({ kind: 'video', formats })),
  ].map(({ kind, formats: lines }, mid) => {
    const payloadTypes = lines.flatMap((line) => /^a=rtpmap:(\d+)/.exec(line)?.[1] ?? [])
    const layered = kind === 'video' && rids.length > 0
    const stream = separateStreams ? `stream-${mid}` : 'stream'
    return [
      `m=${kind} 9 UDP/TLS/RTP/SAVPF ${payloadTypes.join(' ')}`,
      'c=IN IP4 0.0.0.0',
      ...(mid === 0 ? (options.candidates ?? []).map((candidate) => `a=${candidate}`) : []),
      ...iceLines(options.ice),
      'a=ice-options:trickle',
      `a=fingerprint:sha-256 ${fingerprint}`,
      `a=setup:${options.setup ?? 'actpass'}`,
      `a=mid:${mid}`,
      'a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid',
      ...(layered ? ['a=extmap:2 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id'] : []),
      `a=${direction}`,
      ...(sends ? [`a=msid:${stream} track-${mid}`] : []),
      'a=rtcp-mux',
      'a=rtcp-mux-only',
      'a=rtcp-rsize',
      ...lines,
      ...(layered ? [...rids.map((rid) => `a=rid:${rid} send`), `a=simulcast:send ${rids.join(';')}`] : []),
      ...(sends && !layered ? [`a=ssrc:${1000 + mid} cname:conformance`] : []),
    ]
  })
  return [
    'v=0',
    'o=- 4611686018427387904 2 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    ...(sections.length > 0 ? [`a=group:BUNDLE ${sections.map((_, mid) => mid).join(' ')}`] : []),
    'a=msid-semantic:WMS *',
    ...sections.flat(),
    '',
  ].join('\r\n')
}

const iceLines = ({ ufrag, password }: IceCredentials) => [`a=ice-ufrag:${ufrag}`, `a=ice-pwd:${password}`]

/** RFC 8840 section 9: the tagged m-section of the bundle alone. */
export function writeFragment(
  ice: IceCredentials,
  candidates: readonly string[],
  { mediaLine = 'm=audio 9 UDP/TLS/RTP/SAVPF 0' } = {},
): string {
  const lines = candidates.map((candidate) => `a=${candidate}`)
  return [
    ...iceLines(ice),
    'a=ice-options:trickle',
    mediaLine,
    'a=mid:0',
    ...lines,
    'a=end-of-candidates',
    '',
  ].join('\r\n')
}

/** TEST-NET-1 (RFC 5737): nobody is there. */
export const usableCandidate = 'candidate:1 1 udp 2130706431 192.0.2.7 50000 typ host'
/** A name of multicast DNS, active TCP, IPv6 and a transport that does not exist: nothing that a server must be able to use. */
export const unusableCandidates = [
  'candidate:2 1 udp 2130706430 f1f2f3f4-0000-4000-8000-000000000000.local 50001 typ host',
  'candidate:3 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active',
  'candidate:4 1 udp 2130706429 2001:db8::7 50002 typ host',
  'candidate:5 1 sctp 2130706428 192.0.2.7 50003 typ host',
]

/** A receiving answer to a server's offer, with the first format of each m-section. */
export function writeAnswer(offer: Description, ice: IceCredentials): string {
  const mids = offer.media.map((section) => attributeOf(section, 'mid') ?? '')
  const sections = offer.media.map((section) => {
    const [payloadType = '0'] = payloadTypesOf(section)
    return [
      `m=${mediaKindOf(section)} 9 UDP/TLS/RTP/SAVPF ${payloadType}`,
      'c=IN IP4 0.0.0.0',
      ...iceLines(ice),
      `a=fingerprint:sha-256 ${fingerprint}`,
      'a=setup:active',
      `a=mid:${attributeOf(section, 'mid') ?? ''}`,
      'a=recvonly',
      'a=rtcp-mux',
      'a=rtcp-mux-only',
      ...section.filter((line) => new RegExp(`^a=(rtpmap|fmtp):${payloadType} `).test(line)),
    ]
  })
  const head = [
    'v=0',
    'o=- 4611686018427387905 2 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    `a=group:BUNDLE ${mids.join(' ')}`,
  ]
  return [...head, ...sections.flat(), ''].join('\r\n')
}
