/** How publishers' offers are answered (RFC 9725 section 4). */
import { describe, expect, it } from 'vitest'
import { answerFaults } from '../support/jsep-answer.ts'
import {
  audioOffer,
  edited,
  gateway,
  mediaLines,
  publish,
  readOffer,
  sectionOf,
  smallOffer,
  videoOffer,
  without,
} from '../sdp-offers/offers.ts'
import { answerPublish, parseOffer } from '../../src/sdp/index.ts'

const vp8 = ['a=rtpmap:96 VP8/90000']
const opus = ['a=rtpmap:111 opus/48000/2']
const audio = (direction = 'sendonly') => mediaLines('audio', 'a', direction, '111', opus)
const video = (direction = 'sendonly') => mediaLines('video', 'v', direction, '96', vp8)
const dataChannel = [
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
  'c=IN IP4 0.0.0.0',
  'a=mid:d',
  'a=setup:actpass',
  'a=sctp-port:5000',
]

function refusal(sdp: string): { code: string; status: number; detail: string } {
  try {
    publish(sdp)
  } catch (error) {
    expect(error).toMatchObject({ name: 'Problem' })
    return error as ReturnType<typeof refusal>
  }
  throw new Error('the offer was accepted')
}

describe('m-sections and their directions', () => {
  it.each(['sendonly', 'sendrecv'])('%s is answered with recvonly', (direction) => {
    const offer = smallOffer([audio(direction), video(direction)])
    const { answer } = publish(offer)
    expect(answerFaults(offer, answer)).toEqual([])
    expect(sectionOf(answer, 0)).toContain('a=recvonly')
    expect(sectionOf(answer, 1)).toContain('a=recvonly')
  })

  it.each(['recvonly', 'inactive'])('%s is refused with 422', (direction) => {
    expect(refusal(smallOffer([audio(), video(direction)]))).toMatchObject({
      code: 'wrong-direction',
      status: 422,
      detail: expect.stringContaining(`video (mid v) is ${direction}`) as string,
    })
  })

  it('takes the direction of the session where an m-section has none', () => {
    const lines = video().filter((line) => line !== 'a=sendonly')
    expect(publish(smallOffer([lines]).replace('t=0 0\r\n', 't=0 0\r\na=sendonly\r\n')).tracks).toHaveLength(
      1,
    )
    expect(refusal(smallOffer([lines]).replace('t=0 0\r\n', 't=0 0\r\na=inactive\r\n')).code).toBe(
      'wrong-direction',
    )
  })

  it.each([
    ['audio alone', [audio()], 'opus'],
    ['video alone', [video()], 'VP8'],
    ['video first', [video(), audio()], 'VP8 + opus'],
  ])('%s is accepted', (_, sections, summary) => {
    const offer = smallOffer(sections)
    expect(publish(offer).media.summary).toBe(summary)
    expect(answerFaults(offer, publish(offer).answer)).toEqual([])
  })

  it('refuses a second m-section of a kind with 422', () => {
    const second = video().map((line) => line.replace('a=mid:v', 'a=mid:w'))
    expect(refusal(smallOffer([video(), second]))).toMatchObject({
      code: 'unusable-media',
      status: 422,
      detail: expect.stringContaining('2 video m-sections') as string,
    })
  })

  it('refuses a data channel with port 0 and leaves it out of the bundle', () => {
    const offer = smallOffer([audio(), video(), dataChannel])
    const { answer } = publish(offer)
    expect(answerFaults(offer, answer)).toEqual([])
    expect(answer).toContain('a=group:BUNDLE a v\r\n')
    expect(sectionOf(answer, 2)[0]).toBe('m=application 0 UDP/DTLS/SCTP webrtc-datachannel')
  })

  it('tags the next m-section when a data channel heads the bundle', () => {
    const offer = smallOffer([dataChannel, video()])
    const { answer } = publish(offer)
    expect(answerFaults(offer, answer)).toEqual([])
    expect(sectionOf(answer, 1)).toContain('a=candidate:1 1 UDP 2130706431 198.51.100.7 8080 typ host')
  })

  it('refuses an offer of nothing but a data channel with 422', () => {
    expect(refusal(smallOffer([dataChannel])).code).toBe('unusable-media')
  })

  it('passes over an m-section that the offerer switched off', () => {
    const off = audio('inactive').map((line) => line.replace('m=audio 9', 'm=audio 0'))
    const offer = smallOffer([video(), off])
    const { answer, tracks } = publish(offer)
    expect(tracks).toHaveLength(1)
    expect(answerFaults(offer, answer)).toEqual([])
    expect(sectionOf(answer, 1)[0]).toBe('m=audio 0 UDP/TLS/RTP/SAVPF 111')
  })

  it('accepts a bundle-only m-section, whose port is 0 too', () => {
    const offer = smallOffer([
      video(),
      [...audio(), 'a=bundle-only'].map((line) => line.replace('m=audio 9', 'm=audio 0')),
    ])
    const { answer, tracks } = publish(offer)
    expect(tracks).toHaveLength(2)
    expect(answerFaults(offer, answer)).toEqual([])
    expect(sectionOf(answer, 1)[0]).toBe('m=audio 8080 UDP/TLS/RTP/SAVPF 111')
  })

  it('lets a bundle-only m-section do without a transport of its own', () => {
    const own = [
      ...video(),
      'a=ice-ufrag:tagged',
      'a=ice-pwd:taggedtaggedtaggedtagged',
      `a=fingerprint:sha-1 ${'AA:'.repeat(19)}AA`,
    ]
    const guest = [...audio(), 'a=bundle-only'].map((line) => line.replace('m=audio 9', 'm=audio 0'))
    const { tracks, transport } = publish(
      without(smallOffer([own, guest]), /^a=(?:ice-\w+:(?:user|password)|fingerprint:sha-256)/),
    )
    expect(tracks).toHaveLength(2)
    expect(transport.remoteUfrag).toBe('tagged')
  })

  it('is not tagged by a bundle-only m-section, even if the offer puts it first', () => {
    const guest = [...audio(), 'a=bundle-only'].map((line) => line.replace('m=audio 9', 'm=audio 0'))
    const own = ['a=ice-ufrag:tagged', 'a=ice-pwd:taggedtaggedtaggedtagged']
    const { answer, transport } = publish(smallOffer([guest, [...video(), ...own]]))
    expect(transport.remoteUfrag).toBe('tagged')
    expect(answer).toContain('a=group:BUNDLE v a\r\n')
    expect(sectionOf(answer, 1)).toContain('a=end-of-candidates')
    expect(sectionOf(answer, 0)).not.toContain('a=end-of-candidates')
  })

  it('refuses video without a codec that is passed through, and says what was offered and what is taken', () => {
    expect(
      refusal(
        smallOffer([audio(), mediaLines('video', 'v', 'sendonly', '97', ['a=rtpmap:97 theora/90000'])]),
      ),
    ).toMatchObject({
      code: 'unusable-media',
      status: 422,
      detail:
        'The SDP offer cannot be used: its video offers theora; the gateway takes H264, H265, VP8, VP9, AV1.',
    })
  })
})

describe('codec choice', () => {
  const h264 = (payloadType: number, mode: number) => [
    `a=rtpmap:${payloadType} H264/90000`,
    `a=fmtp:${payloadType} packetization-mode=${mode};profile-level-id=42e01f`,
  ]

  it.each<[string, string, string[], number]>([
    [
      'the first that is passed through',
      '120 96 98',
      ['a=rtpmap:120 red/90000', ...vp8, 'a=rtpmap:98 VP9/90000'],
      96,
    ],
    ['H264 of mode 1 rather than mode 0 before it', '102 103', [...h264(102, 0), ...h264(103, 1)], 103],
    ['another codec rather than H264 of mode 0 before it', '102 96', [...h264(102, 0), ...vp8], 96],
    ['H264 of mode 0 when there is nothing else', '102', h264(102, 0), 102],
    ['H264 without parameters when there is nothing else', '102', ['a=rtpmap:102 H264/90000'], 102],
    ['names without regard to case', '96', ['a=rtpmap:96 vp8/90000'], 96],
    ['not a codec at the wrong clock rate', '96 97', ['a=rtpmap:96 VP8/48000', 'a=rtpmap:97 VP8/90000'], 97],
    ['not a payload type without rtpmap', '95 96', vp8, 96],
  ])('takes %s', (_, payloadTypes, lines, chosen) => {
    const offer = videoOffer('sendonly', payloadTypes, lines)
    expect(publish(offer).tracks[0]?.payloadType).toBe(chosen)
    expect(answerFaults(offer, publish(offer).answer)).toEqual([])
  })

  it.each([
    ['0', 'PCMU', 'a=rtpmap:0 PCMU/8000'],
    ['8', 'PCMA', 'a=rtpmap:8 PCMA/8000'],
    ['9', 'G722', 'a=rtpmap:9 G722/8000'],
  ])('knows static payload type %s without rtpmap', (payloadType, codec, line) => {
    const offer = audioOffer('sendonly', payloadType, [])
    const { answer, tracks } = publish(offer)
    expect(tracks[0]).toMatchObject({ codec, payloadType: Number(payloadType), clockRate: 8_000 })
    expect(sectionOf(answer, 0)).toContain(line)
    expect(answerFaults(offer, answer)).toEqual([])
  })

  it('repeats the spelling of the offer', () => {
    expect(sectionOf(publish(readOffer('simple-whip-client')).answer, 1)).toContain(
      'a=rtpmap:100 OPUS/48000/2',
    )
  })

  it.each<[string, string, string, string | undefined]>([
    [
      'H264 keeps mode and profile, not the parameter sets',
      'H264/90000',
      'packetization-mode=1;sprop-parameter-sets=Z0LAHg==,aM48;profile-level-id=42c01e',
      'packetization-mode=1;profile-level-id=42c01e',
    ],
    ['VP9 keeps its profile', 'VP9/90000', 'profile-id=2', 'profile-id=2'],
    [
      'AV1 keeps profile, level and tier',
      'AV1/90000',
      'level-idx=5;profile=0;tier=0',
      'level-idx=5;profile=0;tier=0',
    ],
    ['VP8 drops the limits of the offerer’s decoder', 'VP8/90000', 'max-fs=12288;max-fr=60', undefined],
    [
      'H265 keeps profile and tier',
      'H265/90000',
      'level-id=93; profile-id=1; tier-flag=0',
      'level-id=93;profile-id=1;tier-flag=0',
    ],
  ])('%s', (_, encoding, offered, answered) => {
    const offer = videoOffer('sendonly', '96', [`a=rtpmap:96 ${encoding}`, `a=fmtp:96 ${offered}`])
    const lines = sectionOf(publish(offer).answer, 0).filter((line) => line.startsWith('a=fmtp:'))
    expect(lines).toEqual(answered === undefined ? [] : [`a=fmtp:96 ${answered}`])
  })

  it.each([
    ['minptime=10;useinbandfec=1', 'minptime=10;useinbandfec=1'],
    ['stereo=1;useinbandfec=1', 'stereo=1;useinbandfec=1'],
    ['sprop-stereo=1;useinbandfec=1', 'useinbandfec=1;stereo=1'],
  ])('opus with %s is answered with %s: stereo and FEC are kept', (offered, answered) => {
    const offer = audioOffer('sendonly', '111', [...opus, `a=fmtp:111 ${offered}`])
    expect(sectionOf(publish(offer).answer, 0)).toContain(`a=fmtp:111 ${answered}`)
  })
})

describe('RTX and feedback', () => {
  const rtx = ['a=rtpmap:97 rtx/90000', 'a=fmtp:97 apt=96']
  const feedback = (...values: string[]) => values.map((value) => `a=rtcp-fb:96 ${value}`)
  const twcc = 'a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01'

  it('takes RTX where NACK can be used', () => {
    const offer = videoOffer('sendonly', '96 97', [...vp8, ...rtx, ...feedback('nack')])
    expect(publish(offer).tracks[0]?.rtxPayloadType).toBe(97)
    expect(answerFaults(offer, publish(offer).answer)).toEqual([])
  })

  it.each([
    ['there is no NACK', '96 97', [...vp8, ...rtx]],
    [
      'it is for another format',
      '96 97',
      [...vp8, 'a=rtpmap:97 rtx/90000', 'a=fmtp:97 apt=98', ...feedback('nack')],
    ],
    [
      'it has another clock rate',
      '96 97',
      [...vp8, 'a=rtpmap:97 rtx/48000', 'a=fmtp:97 apt=96', ...feedback('nack')],
    ],
    ['the m-line does not list it', '96', [...vp8, ...rtx, ...feedback('nack')]],
  ])('leaves RTX when %s', (_, payloadTypes, lines) => {
    const offer = videoOffer('sendonly', payloadTypes, lines)
    expect(publish(offer).tracks[0]?.rtxPayloadType).toBeUndefined()
    expect(answerFaults(offer, publish(offer).answer)).toEqual([])
  })

  it('keeps the SSRC of RTX to itself when RTX is not taken', () => {
    const sources = ['a=ssrc-group:FID 10 20', 'a=ssrc:10 cname:x', 'a=ssrc:20 cname:x']
    const encodings = (lines: string[]) =>
      publish(videoOffer('sendonly', '96 97', [...vp8, ...rtx, ...sources, ...lines])).tracks[0]?.encodings
    expect(encodings(feedback('nack'))).toEqual([{ ssrc: 10, rtxSsrc: 20 }])
    expect(encodings([])).toEqual([{ ssrc: 10 }])
  })

  it.each<[string, string[], string[]]>([
    [
      'what is understood',
      ['nack', 'nack pli', 'nack rpsi', 'ccm fir', 'ccm tmmbr', 'goog-lntf'],
      ['nack', 'nack pli', 'ccm fir'],
    ],
    ['REMB without transport-wide feedback', ['goog-remb', 'transport-cc'], ['goog-remb']],
    ['nothing when nothing is offered', [], []],
  ])('takes %s', (_, offered, answered) => {
    const offer = videoOffer('sendonly', '96', [...vp8, ...feedback(...offered)])
    const lines = sectionOf(publish(offer).answer, 0).filter((line) => line.startsWith('a=rtcp-fb:'))
    expect(lines).toEqual(feedback(...answered))
  })

  it('prefers transport-wide feedback to REMB, which would be one more cap', () => {
    const offer = videoOffer('sendonly', '96', [...vp8, twcc, ...feedback('goog-remb', 'transport-cc')])
    expect(publish(offer).tracks[0]?.feedback).toMatchObject({ transportCc: true, remb: false })
  })

  it('reads feedback for every format', () => {
    const offer = videoOffer('sendonly', '96', [...vp8, 'a=rtcp-fb:* nack', 'a=rtcp-fb:* nack pli'])
    expect(publish(offer).tracks[0]?.feedback).toEqual({
      nack: true,
      pli: true,
      fir: false,
      transportCc: false,
      remb: false,
    })
    expect(answerFaults(offer, publish(offer).answer)).toEqual([])
  })
})

describe('header extensions', () => {
  const answered = (...lines: string[]) => {
    const offer = videoOffer('sendonly', '96', [...vp8, ...lines])
    const { answer, tracks } = publish(offer)
    expect(answerFaults(offer, answer)).toEqual([])
    return {
      lines: sectionOf(answer, 0).filter((line) => line.startsWith('a=extmap')),
      ids: tracks[0]?.extensions,
    }
  }
  const orientation = 'urn:3gpp:video-orientation'

  it('keeps the id of the offer', () => {
    expect(answered(`a=extmap:7 ${orientation}`)).toEqual({
      lines: [`a=extmap:7 ${orientation}`],
      ids: { videoOrientation: 7 },
    })
  })

  it.each([
    ['sendonly', [`a=extmap:7/recvonly ${orientation}`]],
    ['sendrecv', [`a=extmap:7/recvonly ${orientation}`]],
    ['recvonly', []],
    ['inactive', []],
  ])('one that the publisher marks as %s', (direction, lines) => {
    expect(answered(`a=extmap:7/${direction} ${orientation}`).lines).toEqual(lines)
  })

  it.each([
    ['unknown ones', 'a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/video-timing'],
    ['the reserved id 15', `a=extmap:15 ${orientation}`],
    ['ids that have no place in a header', `a=extmap:4096 ${orientation}`],
    ['id 0', `a=extmap:0 ${orientation}`],
    ['encrypted ones', `a=extmap:5 urn:ietf:params:rtp-hdrext:encrypt ${orientation}`],
  ])('leaves out %s', (_, line) => {
    expect(answered(line)).toEqual({ lines: [], ids: {} })
  })

  it('takes the first of two with one id, and of two with one URI', () => {
    expect(
      answered(
        `a=extmap:7 ${orientation}`,
        'a=extmap:7 urn:ietf:params:rtp-hdrext:sdes:mid',
        `a=extmap:8 ${orientation}`,
      ).ids,
    ).toEqual({
      videoOrientation: 7,
    })
  })

  it('allows mixed headers where the offer does, at the same level', () => {
    const session = readOffer('chromium-publish')
    expect(sectionOf(publish(session).answer, -1)).toContain('a=extmap-allow-mixed')
    const media = publish(readOffer('firefox-publish')).answer
    expect(sectionOf(media, -1)).not.toContain('a=extmap-allow-mixed')
    expect(sectionOf(media, 1)).toContain('a=extmap-allow-mixed')
    expect(publish(readOffer('obs')).answer).not.toContain('extmap-allow-mixed')
  })
})

describe('simulcast (RFC 8853 section 5.3.2)', () => {
  const simulcast = (...lines: string[]) => {
    const offer = videoOffer('sendonly', '96', [...vp8, ...lines])
    const { answer, tracks } = publish(offer)
    return {
      encodings: tracks[0]?.encodings.map(({ rid }) => rid),
      lines: sectionOf(answer, 0).filter((line) => /^a=(?:rid|simulcast)/.test(line)),
    }
  }
  const rids = (...ids: string[]) => ids.map((id) => `a=rid:${id} send`)

  it('mirrors all streams in their order, in lines that end in CRLF', () => {
    const { answer } = publish(readOffer('obs-simulcast'))
    expect(answer).toContain('a=rid:0 recv\r\na=rid:1 recv\r\na=rid:2 recv\r\na=simulcast:recv 0;1;2\r\n')
  })

  it('takes the first of the alternatives, and paused streams', () => {
    expect(simulcast(...rids('a', 'b', 'c'), 'a=simulcast:send a,b;~c')).toEqual({
      encodings: ['a', 'c'],
      lines: ['a=rid:a recv', 'a=rid:c recv', 'a=simulcast:recv a;c'],
    })
  })

  it('keeps the restrictions of a rid', () => {
    expect(
      simulcast('a=rid:a send max-width=640;max-fps=15', ...rids('b'), 'a=simulcast:send a;b').lines,
    ).toEqual(['a=rid:a recv max-width=640;max-fps=15', 'a=rid:b recv', 'a=simulcast:recv a;b'])
  })

  it('drops a rid that the chosen codec is not for', () => {
    expect(simulcast('a=rid:a send pt=96', 'a=rid:b send pt=98', 'a=simulcast:send a;b').encodings).toEqual([
      'a',
    ])
  })

  it('reads the sending half of a line with both directions', () => {
    expect(simulcast(...rids('a', 'b'), 'a=rid:c recv', 'a=simulcast:recv c send a;b').encodings).toEqual([
      'a',
      'b',
    ])
  })

  it.each([
    [
      'rids with - and _',
      [...rids('hi-res', 'lo_res'), 'a=simulcast:send hi-res;lo_res'],
      ['hi-res', 'lo_res'],
    ],
    ['only rids that are declared', [...rids('a'), 'a=simulcast:send a;b'], ['a']],
    ['a rid once', [...rids('a', 'b'), 'a=simulcast:send a;a;b'], ['a', 'b']],
  ])('takes %s', (_, lines, encodings) => {
    expect(simulcast(...lines).encodings).toEqual(encodings)
  })

  it('is a single encoding when there are rids alone', () => {
    expect(simulcast(...rids('a'))).toEqual({ encodings: [undefined], lines: [] })
  })
})

describe('transport', () => {
  it.each([
    ['actpass', 'passive', 'server'],
    ['active', 'passive', 'server'],
    ['passive', 'active', 'client'],
  ])('a=setup:%s is answered with %s', (offered, answered, dtlsRole) => {
    const offer = smallOffer([video()]).replace('actpass', offered)
    const { answer, transport } = publish(offer)
    expect(sectionOf(answer, 0)).toContain(`a=setup:${answered}`)
    expect(transport.dtlsRole).toBe(dtlsRole)
  })

  it('takes an offerer that says nothing for active (RFC 4145 section 4.1)', () => {
    expect(publish(without(smallOffer([video()]), /^a=setup/)).transport.dtlsRole).toBe('server')
  })

  it('has every candidate in the tagged m-section, in the gateway’s order, and no other', () => {
    const { answer } = publish(readOffer('ffmpeg'))
    expect(sectionOf(answer, 0).filter((line) => /candidate/.test(line))).toEqual([
      'a=candidate:1 1 UDP 2130706431 198.51.100.7 8080 typ host',
      'a=candidate:2 1 UDP 2130706175 2001:db8::7 8080 typ host',
      'a=candidate:3 1 UDP 2130705919 127.0.0.1 8080 typ host',
      'a=end-of-candidates',
    ])
    expect(sectionOf(answer, 1).filter((line) => /candidate/.test(line))).toEqual([])
  })

  it('writes the preferred candidate as default address, IPv6 too', () => {
    const [, ipv6] = gateway.candidates
    if (ipv6 === undefined) throw new Error('no IPv6 candidate')
    const { answer } = answerPublish(parseOffer(readOffer('obs')), { ...gateway, candidates: [ipv6] })
    expect(sectionOf(answer, 0).slice(0, 2)).toEqual([
      'm=audio 8080 UDP/TLS/RTP/SAVPF 111',
      'c=IN IP6 2001:db8::7',
    ])
  })

  it('uses the credentials of the tagged m-section when others have their own', () => {
    const own = edited(readOffer('ffmpeg'), /(?<=^m=video[^]*)ice-ufrag:.*(?=\r)/, 'ice-ufrag:other')
    expect(publish(own).transport.remoteUfrag).toBe('ccd62964')
  })

  it('finds ICE credentials and fingerprints at the session level', () => {
    const { transport } = publish(smallOffer([audio(), video()]))
    expect(transport).toMatchObject({ remoteUfrag: 'user', remotePassword: 'passwordpasswordpassword' })
    expect(transport.remoteFingerprints).toHaveLength(1)
  })

  it('keeps all fingerprints of an m-section', () => {
    const sha1 = `a=fingerprint:SHA-1 ${Array.from({ length: 20 }, () => '0a').join(':')}`
    const sha256 = `a=fingerprint:sha-256 ${Array.from({ length: 32 }, () => '0B').join(':')}`
    const { transport } = publish(smallOffer([[...video(), sha1, sha256]]))
    expect(transport.remoteFingerprints).toEqual([
      { algorithm: 'sha-1', value: Array.from({ length: 20 }, () => '0A').join(':') },
      { algorithm: 'sha-256', value: Array.from({ length: 32 }, () => '0B').join(':') },
    ])
  })

  it('needs no bundle for a single m-section', () => {
    const offer = without(smallOffer([video()]), /^a=group/)
    const { answer } = publish(offer)
    expect(answer).not.toContain('a=group')
    expect(answerFaults(offer, answer)).toEqual([])
  })
})

describe('parameter sets that the offer tells', () => {
  const trackOf = (lines: readonly string[]) =>
    publish(smallOffer([mediaLines('video', 'v', 'sendonly', '96', lines)])).tracks[0]

  it('of H.264 are handed to the media wing, since packets may lack them', () => {
    const { tracks } = publish(readOffer('simple-whip-client'))
    const sets = tracks.find((track) => track.kind === 'video')?.parameterSets
    expect(sets?.map((nalUnit) => Buffer.from(nalUnit).toString('base64'))).toEqual([
      'Z0LAHtoCgL/lwFqDAwNSgAAAAwCAAAAeR4sXUA==',
      'aM48gA==',
    ])
  })

  it('of H.265 are handed over in the order VPS, SPS, PPS', () => {
    const track = trackOf([
      'a=rtpmap:96 H265/90000',
      'a=fmtp:96 sprop-pps=RAE=;sprop-vps=QAE=;sprop-sps=QgE=',
    ])
    expect(track?.parameterSets?.map((nalUnit) => nalUnit[0])).toEqual([0x40, 0x42, 0x44])
  })

  it('are none where the offer has none, or none that can be read', () => {
    expect(trackOf(vp8)).not.toHaveProperty('parameterSets')
    const damaged = ['a=rtpmap:96 H264/90000', 'a=fmtp:96 packetization-mode=1;sprop-parameter-sets=,*,']
    expect(trackOf(damaged)).not.toHaveProperty('parameterSets')
  })
})
