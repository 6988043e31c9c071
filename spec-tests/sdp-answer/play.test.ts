/**
 * How viewers' offers are answered (draft-ietf-wish-whep section 4), bundles with parts missing included (RFC
 * 9143 section 7.3).
 */
import { describe, expect, it } from 'vitest'
import { answerFaults } from '../support/jsep-answer.ts'
import { Problem } from '../../src/signalling/problem.ts'
import { playableWith, type PublishedMedia } from '../../src/sdp/index.ts'
import {
  audioOffer,
  edited,
  mediaLines,
  play,
  publish,
  readOffer,
  sectionOf,
  smallOffer,
  videoOffer,
} from '../sdp-offers/offers.ts'

const audio = (direction = 'recvonly', mid = 'a') =>
  mediaLines('audio', mid, direction, '111', ['a=rtpmap:111 opus/48000/2'])
const video = (direction = 'recvonly', mid = 'v') =>
  mediaLines('video', mid, direction, '96', ['a=rtpmap:96 VP8/90000'])
const bundleOnly = (lines: string[]) =>
  [...lines, 'a=bundle-only'].map((line) => line.replace(/^(m=\w+) 9/, '$1 0'))
const dataChannel = [
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
  'c=IN IP4 0.0.0.0',
  'a=mid:d',
  'a=sctp-port:5000',
]

const both = publish(smallOffer([audio('sendonly'), video('sendonly')])).media
const audioOnly = publish(smallOffer([audio('sendonly')])).media
const videoOnly = publish(smallOffer([video('sendonly')])).media

function refusal(offer: string, media: PublishedMedia): Problem {
  try {
    play(offer, media)
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error('the offer was accepted')
}

/** Each m-section of the answer by what became of it. */
function outcome(offer: string, media: PublishedMedia): string[] {
  const { answer } = play(offer, media)
  expect(answerFaults(offer, answer)).toEqual([])
  return answer
    .split(/^(?=m=)/m)
    .slice(1)
    .map((section) => {
      const [, kind = '', port] = /^m=(\w+) (\d+)/.exec(section) ?? []
      const direction = /^a=(sendonly|inactive)/m.exec(section)?.[1]
      return `${kind} ${port === '0' ? 'refused' : direction}`
    })
}

describe('directions', () => {
  it.each(['recvonly', 'sendrecv'])('%s is answered with sendonly', (direction) => {
    expect(outcome(smallOffer([audio(direction), video(direction)]), both)).toEqual([
      'audio sendonly',
      'video sendonly',
    ])
  })

  it.each(['sendonly', 'inactive'])('%s is refused with 422', (direction) => {
    const problem = refusal(smallOffer([audio(), video(direction)]), both)
    expect(problem).toMatchObject({ code: 'wrong-direction', status: 422 })
    expect(problem.detail).toContain(`video (mid v) is ${direction}`)
  })
})

describe('which m-sections are played', () => {
  it.each<[string, string[][], PublishedMedia, string[]]>([
    ['both kinds', [audio(), video()], both, ['audio sendonly', 'video sendonly']],
    ['the order of the viewer', [video(), audio()], both, ['video sendonly', 'audio sendonly']],
    ['audio for a viewer of audio', [audio()], both, ['audio sendonly']],
    ['video for a viewer of video', [video()], both, ['video sendonly']],
    [
      'port 0 for a kind that is not sent',
      [audio(), video()],
      audioOnly,
      ['audio sendonly', 'video refused'],
    ],
    [
      'the tagged m-section stays, inactive',
      [audio(), video()],
      videoOnly,
      ['audio inactive', 'video sendonly'],
    ],
    [
      'so it does when the rest is bundle-only',
      [audio(), bundleOnly(video())],
      videoOnly,
      ['audio inactive', 'video sendonly'],
    ],
    [
      'port 0 for bundle-only too',
      [audio(), bundleOnly(video())],
      audioOnly,
      ['audio sendonly', 'video refused'],
    ],
    [
      'one m-section of a kind',
      [audio(), video(), video('recvonly', 'w')],
      both,
      ['audio sendonly', 'video sendonly', 'video refused'],
    ],
    [
      'no data channel',
      [audio(), video(), dataChannel],
      both,
      ['audio sendonly', 'video sendonly', 'application refused'],
    ],
    ['no data channel in front', [dataChannel, video()], both, ['application refused', 'video sendonly']],
  ])('%s', (_, sections, media, result) => {
    expect(outcome(smallOffer(sections), media)).toEqual(result)
  })

  it('is bound to the transport of the m-section that stays inactive', () => {
    const own = ['a=ice-ufrag:tagged', 'a=ice-pwd:taggedtaggedtaggedtagged']
    const { transport, tracks } = play(smallOffer([[...audio(), ...own], video()]), videoOnly)
    expect(transport.remoteUfrag).toBe('tagged')
    expect(tracks.map(({ kind }) => kind)).toEqual(['video'])
  })

  it('refuses a viewer of what is not sent, naming both sides', () => {
    expect(refusal(smallOffer([audio()]), videoOnly)).toMatchObject({
      code: 'codec-mismatch',
      status: 422,
      detail:
        'The stream cannot be played with this SDP offer: the publisher sends VP8; your offer has audio only.',
    })
  })

  it('refuses an offer without audio and video', () => {
    expect(refusal(smallOffer([dataChannel]), both)).toMatchObject({ code: 'unusable-media', status: 422 })
  })
})

describe('what is sent', () => {
  it('is named in one stream, with SSRCs that are in the track', () => {
    const offer = readOffer('chromium-play-H264')
    const { answer, tracks } = play(offer, publish(readOffer('chromium-publish')).media)
    expect(tracks).toMatchObject([
      { kind: 'audio', ssrc: 1_000, cname: 'whipway', payloadType: 111 },
      { kind: 'video', ssrc: 1_001, rtxSsrc: 1_002, cname: 'whipway', payloadType: 96, rtxPayloadType: 97 },
    ])
    expect(tracks[0]).not.toHaveProperty('rtxSsrc')
    expect(sectionOf(answer, 1).filter((line) => /^a=(?:msid|ssrc)/.test(line))).toEqual([
      'a=msid:stream stream-video',
      'a=ssrc-group:FID 1001 1002',
      'a=ssrc:1001 cname:whipway',
      'a=ssrc:1001 msid:stream stream-video',
      'a=ssrc:1002 cname:whipway',
      'a=ssrc:1002 msid:stream stream-video',
    ])
  })

  it('has neither SSRC nor msid in an m-section that stays inactive', () => {
    const { answer } = play(smallOffer([audio(), video()]), videoOnly)
    expect(sectionOf(answer, 0).some((line) => /^a=(?:msid|ssrc)/.test(line))).toBe(false)
  })

  it('carries no rids: a viewer gets one encoding', () => {
    const offer = readOffer('chromium-play-H264')
    const { answer, tracks } = play(offer, publish(readOffer('chromium-publish-simulcast')).media)
    expect(answer).not.toMatch(/rtp-stream-id|a=rid|a=simulcast/)
    expect(tracks[1]?.extensions).toEqual({
      absSendTime: 2,
      transportWideCc: 3,
      mid: 4,
      playoutDelay: 5,
      videoOrientation: 13,
    })
  })

  it.each([
    ['recvonly', ['a=extmap:7/sendonly urn:3gpp:video-orientation']],
    ['sendonly', []],
  ])('an extension that the viewer marks as %s', (direction, lines) => {
    const offer = smallOffer([[...video(), `a=extmap:7/${direction} urn:3gpp:video-orientation`]])
    expect(sectionOf(play(offer, both).answer, 0).filter((line) => line.startsWith('a=extmap'))).toEqual(
      lines,
    )
  })

  it('keeps both kinds of bandwidth feedback that a viewer offers', () => {
    const { tracks } = play(readOffer('firefox-play'), publish(readOffer('firefox-publish')).media)
    expect(tracks[1]?.feedback).toEqual({ nack: true, pli: true, fir: true, transportCc: true, remb: true })
  })

  it.each([
    ['sprop-stereo=1;useinbandfec=1', 'minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1'],
    ['stereo=1', 'minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1'],
    ['', 'minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1'],
    ['sprop-stereo=0', 'minptime=10;useinbandfec=1'],
    ['useinbandfec=1', 'minptime=10;useinbandfec=1'],
  ])('opus published with "%s" is answered with %s', (published, answered) => {
    const lines = ['a=rtpmap:100 OPUS/48000/2', ...(published === '' ? [] : [`a=fmtp:100 ${published}`])]
    const { media } = publish(audioOffer('sendonly', '100', lines))
    const { answer } = play(readOffer('chromium-play-H264'), media)
    expect(sectionOf(answer, 0)).toContain(`a=fmtp:111 ${answered}`)
  })
})

describe('codec mismatch', () => {
  it('names the publisher’s codec and the viewer’s', () => {
    const { media } = publish(readOffer('obs'))
    expect(refusal(readOffer('firefox-play'), media)).toMatchObject({
      code: 'codec-mismatch',
      status: 422,
      detail:
        'The stream cannot be played with this SDP offer: the publisher sends H264 constrained-baseline 42e01f; ' +
        'your offer has VP8, VP9 profile 0, AV1 profile 0.',
    })
  })

  it('is no reason to play the other kind alone', () => {
    const offer = edited(smallOffer([audio(), video()]), /VP8/, 'VP9')
    expect(refusal(offer, both).code).toBe('codec-mismatch')
  })

  it('says so when the viewer has no codec that is known', () => {
    const offer = edited(smallOffer([audio(), video()]), /VP8/, 'theora')
    expect(refusal(offer, both).detail).toContain('your offer has no video codec that the gateway knows')
  })
})

describe('another publisher for a running viewer', () => {
  const h264 = (profile: string) =>
    publish(
      videoOffer('sendonly', '96', [
        'a=rtpmap:96 H264/90000',
        `a=fmtp:96 packetization-mode=1;profile-level-id=${profile}`,
      ]),
    ).media
  const main = play(readOffer('chromium-play-H264'), h264('4d001f')).viewer
  const vp8 = play(smallOffer([audio(), video()]), both).viewer

  it.each<[string, boolean]>([
    ['4d001f', true],
    ['4d0028', true],
    ['42e01f', true],
    ['640c1f', false],
  ])('a viewer of H264 main goes on with %s: %s', (profile, playable) => {
    expect(playableWith(main, h264(profile))).toBe(playable)
  })

  it.each<[string, PublishedMedia, boolean]>([
    ['the same', both, true],
    ['video alone', videoOnly, true],
    ['audio alone', audioOnly, true],
    ['another video codec', h264('42e01f'), false],
  ])('a viewer of VP8 and opus goes on with %s: %s', (_, media, playable) => {
    expect(playableWith(vp8, media)).toBe(playable)
  })

  it('a viewer of video does not go on with audio alone', () => {
    expect(playableWith(main, audioOnly)).toBe(false)
  })
})
