/** Small SDP offers for tests whose subject is not SDP; the offers of real clients are tested where SDP is. */

export interface OfferOptions {
  readonly direction?: 'sendonly' | 'recvonly' | 'sendrecv' | 'inactive'
  readonly video?: 'H264' | 'VP8' | 'none'
  readonly ufrag?: string
  readonly password?: string
}

export const offerUfrag = 'clientUfrag'
export const offerPassword = 'clientPasswordOfMoreThan22Characters'

const fingerprint = Array.from({ length: 32 }, (_, index) =>
  index.toString(16).padStart(2, '0').toUpperCase(),
).join(':')

export function writeOffer(options: OfferOptions = {}): string {
  const { direction = 'sendonly', video = 'H264', ufrag = offerUfrag, password = offerPassword } = options
  const transport = [
    'c=IN IP4 0.0.0.0',
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${password}`,
    `a=fingerprint:sha-256 ${fingerprint}`,
    'a=setup:actpass',
    'a=rtcp-mux',
    'a=rtcp-rsize',
    `a=${direction}`,
  ]
  const sends = direction === 'sendonly' || direction === 'sendrecv'
  const audio = ['m=audio 9 UDP/TLS/RTP/SAVPF 111', ...transport, 'a=mid:0', 'a=rtpmap:111 opus/48000/2']
  const videoFormat =
    video === 'H264'
      ? [
          'a=rtpmap:96 H264/90000',
          'a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1',
        ]
      : ['a=rtpmap:96 VP8/90000']
  const picture =
    video === 'none'
      ? []
      : ['m=video 9 UDP/TLS/RTP/SAVPF 96', ...transport, 'a=mid:1', ...videoFormat, 'a=rtcp-fb:96 nack pli']
  return [
    'v=0',
    'o=- 4611731400430051336 2 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    `a=group:BUNDLE ${video === 'none' ? '0' : '0 1'}`,
    ...audio,
    ...(sends ? ['a=ssrc:1001 cname:test'] : []),
    ...picture,
    ...(sends && video !== 'none' ? ['a=ssrc:1002 cname:test'] : []),
    '',
  ].join('\r\n')
}

export const publishOffer = (options: Omit<OfferOptions, 'direction'> = {}): string =>
  writeOffer({ ...options, direction: 'sendonly' })
export const playOffer = (options: Omit<OfferOptions, 'direction'> = {}): string =>
  writeOffer({ ...options, direction: 'recvonly' })
