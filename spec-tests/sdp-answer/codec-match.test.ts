/**
 * Which of a viewer's formats plays a publisher's stream (RFC 6184, RFC 7798, RFC 9628, AV1, libwebrtc's
 * multiopus).
 */
import { describe, expect, it } from 'vitest'
import { Problem } from '../../src/signalling/problem.ts'
import { audioOffer, play, publish, videoOffer } from '../sdp-offers/offers.ts'

type Make = (direction: string, payloadTypes: string, lines: string[]) => string

/** Payload type 96 and up, one for each given encoding and parameters. */
function offer(make: Make, direction: string, formats: readonly string[]): string {
  const lines = formats.flatMap((format, index) => {
    const [encoding = '', parameters] = format.split(' ')
    const payloadType = 96 + index
    return [
      `a=rtpmap:${payloadType} ${encoding}`,
      ...(parameters === undefined ? [] : [`a=fmtp:${payloadType} ${parameters}`]),
    ]
  })
  return make(direction, formats.map((_, index) => String(96 + index)).join(' '), lines)
}

/** The viewer's format that a publisher's goes to, by its place in the list; undefined when it is refused. */
function match(make: Make, published: string, offered: readonly string[]): number | undefined {
  const { media } = publish(offer(make, 'sendonly', [published]))
  try {
    const payloadType = play(offer(make, 'recvonly', offered), media).tracks[0]?.payloadType
    return payloadType === undefined ? undefined : payloadType - 96
  } catch (error) {
    if (error instanceof Problem && error.code === 'codec-mismatch') return undefined
    throw error
  }
}

const h264 = (profile: string, mode = 1) =>
  `H264/90000 packetization-mode=${mode};profile-level-id=${profile}`

describe('H264', () => {
  const decoders = ['42e01f', '42001f', '4d001f', '640c1f', '64001f', 'f4001f']

  it.each<[string, string, number[]]>([
    // The offered decoders that play a stream, the best first.
    ['constrained baseline', '42e01f', [0, 1, 2, 3, 4, 5]],
    ['constrained baseline as GStreamer says it', '42c01e', [0, 1, 2, 3, 4, 5]],
    ['constrained baseline as main says it', '4d801f', [0, 1, 2, 3, 4, 5]],
    ['baseline, which FFmpeg and Chromium say', '42001e', [1, 0, 2, 3, 4, 5]],
    ['main', '4d0028', [2, 4, 5]],
    ['constrained high', '640c28', [3, 4, 5]],
    ['high', '640032', [4, 5]],
    ['high 4:4:4 predictive', 'f4001f', [5]],
    ['in capitals', '42E01F', [0, 1, 2, 3, 4, 5]],
    ['of a level that is newer than the parser', '64003e', [4, 5]],
  ])('%s goes to the closest decoder, then to wider ones', (_, profile, order) => {
    const left = [...decoders.keys()]
    const found: number[] = []
    while (left.length > 0) {
      const index = match(
        videoOffer,
        h264(profile),
        left.map((at) => h264(decoders[at] ?? '')),
      )
      const best = index === undefined ? undefined : left[index]
      if (best === undefined) break
      found.push(best)
      left.splice(left.indexOf(best), 1)
    }
    expect(found).toEqual(order)
  })

  it('of a profile without a name plays where the same is offered', () => {
    expect(match(videoOffer, h264('6e0028'), [h264('64001f'), h264('6e001f')])).toBe(1)
    expect(match(videoOffer, h264('6e0028'), [h264('64001f')])).toBeUndefined()
  })

  it.each<[string, string, string[], number | undefined]>([
    ['mode 1 prefers mode 1', h264('42e01f'), [h264('42e01f', 0), h264('42e01f', 1)], 1],
    ['mode 1 prefers a wider profile in mode 1', h264('42e01f'), [h264('42e01f', 0), h264('64001f', 1)], 1],
    ['mode 1 goes to mode 0 as the last resort', h264('42e01f'), [h264('42e01f', 0)], 0],
    ['mode 1 goes to an offer without parameters as the last resort', h264('42e01f'), ['H264/90000'], 0],
    ['mode 0 prefers mode 0', h264('42e01f', 0), [h264('42e01f', 1), h264('42e01f', 0)], 1],
    ['mode 0 goes to mode 1', h264('42e01f', 0), [h264('42e01f', 1)], 0],
    ['no parameters mean constrained baseline', 'H264/90000', [h264('4d001f'), h264('42e01f')], 1],
    ['what is no profile-level-id plays nowhere', h264('xyz'), [h264('42e01f')], undefined],
  ])('%s', (_, published, offered, index) => {
    expect(match(videoOffer, published, offered)).toBe(index)
  })
})

describe('other codecs', () => {
  const surround = (mapping: string) =>
    `multiopus/48000/6 channel_mapping=${mapping};num_streams=4;coupled_streams=2`

  it.each<[string, Make, string, string[], number | undefined]>([
    [
      'H265 main to main',
      videoOffer,
      'H265/90000 profile-id=1',
      ['H265/90000 profile-id=2', 'H265/90000 profile-id=1'],
      1,
    ],
    ['H265 main is the default', videoOffer, 'H265/90000', ['H265/90000 profile-id=1'], 0],
    ['H265 main to a main 10 decoder', videoOffer, 'H265/90000 profile-id=1', ['H265/90000 profile-id=2'], 0],
    [
      'H265 main 10 not to main',
      videoOffer,
      'H265/90000 profile-id=2',
      ['H265/90000 profile-id=1'],
      undefined,
    ],
    [
      'H265 high tier not to main tier',
      videoOffer,
      'H265/90000 tier-flag=1',
      ['H265/90000 tier-flag=0'],
      undefined,
    ],
    ['VP8 whatever the limits', videoOffer, 'VP8/90000', ['VP8/90000 max-fs=3600'], 0],
    [
      'VP9 of one profile',
      videoOffer,
      'VP9/90000 profile-id=2',
      ['VP9/90000 profile-id=0', 'VP9/90000 profile-id=2'],
      1,
    ],
    ['VP9 without a profile is profile 0', videoOffer, 'VP9/90000', ['VP9/90000 profile-id=0'], 0],
    [
      'VP9 not of another profile',
      videoOffer,
      'VP9/90000 profile-id=0',
      ['VP9/90000 profile-id=2'],
      undefined,
    ],
    [
      'AV1 without parameters to main',
      videoOffer,
      'AV1/90000',
      ['AV1/90000 profile=1', 'AV1/90000 profile=0;level-idx=5'],
      1,
    ],
    ['AV1 main to a high decoder', videoOffer, 'AV1/90000 profile=0', ['AV1/90000 profile=1'], 0],
    ['AV1 high not to main', videoOffer, 'AV1/90000 profile=1', ['AV1/90000'], undefined],
    ['the first of equals', videoOffer, 'VP8/90000', ['VP9/90000', 'VP8/90000', 'VP8/90000'], 1],
    ['opus in capitals', audioOffer, 'OPUS/48000/2', ['PCMU/8000', 'opus/48000/2'], 1],
    ['G.711 by its law', audioOffer, 'PCMA/8000', ['PCMU/8000', 'PCMA/8000/1'], 1],
    ['G722', audioOffer, 'G722/8000', ['G722/8000/1'], 0],
    ['opus not to G.711', audioOffer, 'opus/48000/2', ['PCMU/8000'], undefined],
    [
      'multiopus with the same mapping',
      audioOffer,
      surround('0,4,1,2,3,5'),
      [surround('0,1,2,3,4,5'), surround('0,4,1,2,3,5')],
      1,
    ],
    ['multiopus not with another', audioOffer, surround('0,4,1,2,3,5'), [surround('0,1,2,3,4,5')], undefined],
    [
      'multiopus not with other channels',
      audioOffer,
      surround('0,4,1,2,3,5'),
      [surround('0,4,1,2,3,5').replace('/6', '/8')],
      undefined,
    ],
  ])('%s', (_, make, published, offered, index) => {
    expect(match(make, published, offered)).toBe(index)
  })
})

describe('a format in words', () => {
  it.each([
    ['H264/90000 packetization-mode=1;profile-level-id=42E01F', 'H264 constrained-baseline 42e01f'],
    ['H264/90000 profile-level-id=64001f', 'H264 high 64001f packetization-mode 0'],
    ['H264/90000 packetization-mode=1;profile-level-id=<b>', 'H264 profile unknown'],
    ['H264/90000 packetization-mode=1;profile-level-id=6e0028', 'H264 profile 6e0028'],
    ['H265/90000', 'H265 profile 1'],
    ['VP8/90000', 'VP8'],
    ['VP9/90000 profile-id=2', 'VP9 profile 2'],
    ['VP9/90000 profile-id=<b>', 'VP9 profile unknown'],
    ['AV1/90000', 'AV1 profile 0'],
  ])('%s is %s: nothing that a client wrote is repeated unchecked', (format, words) => {
    expect(publish(offer(videoOffer, 'sendonly', [format])).media.summary).toBe(words)
  })

  it('says how many channels surround sound has', () => {
    expect(publish(offer(audioOffer, 'sendonly', ['multiopus/48000/6'])).media.summary).toBe(
      'multiopus 6 channels',
    )
  })
})
