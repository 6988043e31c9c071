/**
 * The offers of real clients are answered by JSEP's rules (RFC 9429 section 5.3.1), whatever they publish and
 * whoever plays it.
 */
import { describe, expect, it } from 'vitest'
import { answerFaults } from '../support/jsep-answer.ts'
import { Problem } from '../../src/signalling/problem.ts'
import { play, playOffers, publish, publishOffers, readOffer } from '../sdp-offers/offers.ts'

/** What each publisher is taken for: codecs, payload types, RTX, RIDs, DTLS role. */
const publishers: Record<(typeof publishOffers)[number], string> = {
  'chromium-publish': 'VP8 + opus; audio 111, video 96 97; server',
  'chromium-publish-simulcast':
    'H264 constrained-baseline 42e01f + opus; audio 111, video 108 109 q h f; server',
  'chromium-publish-simulcast-H264-videoonly':
    'H264 constrained-baseline 42e01f; video 108 109 q h f; server',
  'chromium-publish-simulcast-VP8-videoonly': 'VP8; video 96 97 q h f; server',
  'chromium-publish-trickle': 'VP8 + opus; audio 111, video 96 97; server',
  ffmpeg: 'H264 baseline 42001e + opus; audio 111, video 106 105; client',
  'ffmpeg-dtls-active': 'H264 baseline 42001e + opus; audio 111, video 106 105; server',
  'firefox-publish': 'VP8 + opus; audio 109, video 120 124; server',
  'firefox-publish-simulcast': 'VP8; video 120 124 q h f; server',
  obs: 'H264 constrained-baseline 42e01f + opus; audio 111, video 96; server',
  'obs-av1': 'AV1 profile 0 + opus; audio 111, video 96; server',
  'obs-simulcast': 'H264 constrained-baseline 42e01f + opus; audio 111, video 96 0 1 2; server',
  'simple-whip-client': 'H264 constrained-baseline 42c01e + opus; video 96, audio 100; server',
}

describe.each(publishOffers)('the offer of %s', (name) => {
  const offer = readOffer(name)

  it('gets an answer that follows the rules', () => {
    expect(answerFaults(offer, publish(offer).answer)).toEqual([])
  })

  it('is understood', () => {
    const { media, tracks, transport } = publish(offer)
    const trackTexts = tracks.map(({ kind, payloadType, rtxPayloadType, encodings }) =>
      [kind, payloadType, rtxPayloadType, ...encodings.map(({ rid }) => rid)]
        .filter((part) => part !== undefined)
        .join(' '),
    )
    expect(`${media.summary}; ${trackTexts.join(', ')}; ${transport.dtlsRole}`).toBe(publishers[name])
  })

  it('gives each track the SSRCs that are in it', () => {
    for (const { encodings } of publish(offer).tracks) {
      for (const { rid, ssrc, rtxSsrc } of encodings) {
        if (rid !== undefined) continue
        expect(offer).toContain(`a=ssrc:${ssrc} cname:`)
        if (rtxSsrc !== undefined) expect(offer).toContain(`a=ssrc-group:FID ${ssrc} ${rtxSsrc}`)
      }
    }
  })

  it('takes the peer’s ICE credentials and fingerprint', () => {
    const { transport } = publish(offer)
    expect(offer).toContain(`a=ice-ufrag:${transport.remoteUfrag}\r\n`)
    expect(offer).toContain(`a=ice-pwd:${transport.remotePassword}\r\n`)
    expect(transport.remoteFingerprints).toHaveLength(1)
    for (const { algorithm, value } of transport.remoteFingerprints) {
      expect(offer).toContain(`a=fingerprint:${algorithm} ${value}\r\n`)
    }
  })
})

/** Payload types by which each player gets each publisher, or the code of the refusal. */
const firefox = { VP8: '120', AV1: '99', H264: 'codec-mismatch' }
const chromium = { VP8: '96', AV1: '45', H264: '108' }
const gstreamer = { VP8: 'codec-mismatch', AV1: 'codec-mismatch', H264: '96' }
const videoPayloadTypes: Record<(typeof playOffers)[number], Record<string, string>> = {
  'chromium-play-AV1': chromium,
  'chromium-play-H264': chromium,
  'chromium-play-VP8': chromium,
  'chromium-play-VP9': chromium,
  'firefox-play': firefox,
  'simple-whep-client': gstreamer,
}

describe.each(playOffers)('the offer of %s', (name) => {
  const offer = readOffer(name)

  it.each(publishOffers)('plays %s, or is told why not', (publisher) => {
    const { media } = publish(readOffer(publisher))
    let got: string | undefined
    try {
      const { answer, tracks } = play(offer, media)
      expect(answerFaults(offer, answer)).toEqual([])
      expect(tracks.map(({ kind }) => kind)).toEqual(media.audio ? ['audio', 'video'] : ['video'])
      got = String(tracks.find(({ kind }) => kind === 'video')?.payloadType)
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      got = error.code
      expect(error.status).toBe(422)
      expect(error.detail).toContain(media.video?.codec)
    }
    // Baseline is what FFmpeg calls its stream; Chromium has a payload type for that too.
    const baseline = publisher.startsWith('ffmpeg') && name.startsWith('chromium')
    expect(got).toBe(baseline ? '102' : videoPayloadTypes[name][media.video?.codec ?? ''])
  })
})
