/**
 * Answers are taken by the parsers of real clients: libdatachannel (OBS) and libwebrtc (browsers), for offers
 * of their own.
 */
import nodeDataChannel from 'node-datachannel'
import { afterEach, describe, expect, it } from 'vitest'
import { loadWebRtc, type SessionDescription } from '../../src/client/webrtc.ts'
import { answerFaults } from '../support/jsep-answer.ts'
import {
  audioOffer,
  mediaLines,
  play,
  publish,
  readOffer,
  smallOffer,
  videoOffer,
} from '../sdp-offers/offers.ts'

const { Audio, PeerConnection, Video } = nodeDataChannel
const cleanUp: (() => void)[] = []

afterEach(() => {
  for (const close of cleanUp.splice(0)) close()
})

const opusMedia = publish(audioOffer('sendonly', '111', ['a=rtpmap:111 opus/48000/2'])).media
const vp8Media = publish(videoOffer('sendonly', '96', ['a=rtpmap:96 VP8/90000'])).media
const vp8AndOpusMedia = publish(readOffer('chromium-publish')).media
const h264Media = publish(readOffer('obs')).media

describe('libdatachannel', () => {
  type Describe = (video: InstanceType<typeof Video>, audio: InstanceType<typeof Audio>) => void

  function connection(direction: 'SendOnly' | 'RecvOnly', describeMedia: Describe) {
    const peer = new PeerConnection('peer', { iceServers: [] })
    cleanUp.push(() => peer.close())
    const audio = new Audio('audio', direction)
    audio.addOpusCodec(111, 'minptime=10;stereo=1;sprop-stereo=1;useinbandfec=1')
    const video = new Video('video', direction)
    describeMedia(video, audio)
    peer.addTrack(audio)
    peer.addTrack(video)
    peer.setLocalDescription('offer')
    return { peer, offer: peer.localDescription()?.sdp ?? '' }
  }

  const h264 = 'profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1'
  it.each<[string, Describe]>([
    ['H264', (video) => video.addH264Codec(96, h264)],
    ['AV1', (video) => video.addAV1Codec(96)],
    ['H265', (video) => video.addH265Codec(96)],
    [
      'VP8 with RTX',
      (video) => {
        video.addVP8Codec(96)
        video.addRTXCodec(97, 96, 90_000)
      },
    ],
    [
      'H264 simulcast as OBS offers it',
      (video) => {
        video.addH264Codec(96, h264)
        for (const line of ['rid:0 send', 'rid:1 send', 'rid:2 send', 'simulcast:send 0;1;2'])
          video.parseSdpLine(`a=${line}`)
        video.parseSdpLine('a=extmap:2 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id')
      },
    ],
    [
      'both with SSRCs',
      (video, audio) => {
        video.addH264Codec(96, h264)
        video.addSSRC(1, 'name', 'stream', 'video')
        audio.addSSRC(2, 'name', 'stream', 'audio')
      },
    ],
  ])('publishes %s', (_, describeMedia) => {
    const { peer, offer } = connection('SendOnly', describeMedia)
    const { answer } = publish(offer)
    expect(answerFaults(offer, answer)).toEqual([])
    peer.setRemoteDescription(answer, 'answer')
    expect(peer.signalingState()).toBe('stable')
    expect(peer.remoteDescription()?.sdp).toContain('a=ice-ufrag:gatewayU')
  })

  it.each([
    ['H264 and opus', h264Media],
    [
      'H264 alone: the audio in front stays inactive',
      { ...(h264Media.video && { video: h264Media.video }), summary: '' },
    ],
    ['opus alone: the video is refused', opusMedia],
  ])('plays %s', (_, media) => {
    const { peer, offer } = connection('RecvOnly', (video) => video.addH264Codec(96, h264))
    const { answer } = play(offer, media)
    expect(answerFaults(offer, answer)).toEqual([])
    peer.setRemoteDescription(answer, 'answer')
    expect(peer.signalingState()).toBe('stable')
  })
})

/** What these tests use of libwebrtc beyond what the project does. */
interface Negotiator {
  readonly localDescription: { readonly sdp: string } | null
  readonly signalingState: string
  addTransceiver(kind: string, init: { direction: string; sendEncodings?: { rid: string }[] }): unknown
  createDataChannel(label: string): unknown
  createOffer(): Promise<SessionDescription>
  setLocalDescription(description: SessionDescription): Promise<void>
  setRemoteDescription(description: SessionDescription): Promise<void>
  getTransceivers(): { readonly currentDirection: string | null }[]
  addEventListener(
    type: 'track',
    listener: (event: { readonly streams: { readonly id: string }[] }) => void,
  ): void
  close(): void
}

describe('libwebrtc', async () => {
  const { RTCPeerConnection } = (await loadWebRtc()) as unknown as {
    readonly RTCPeerConnection: new (configuration: { bundlePolicy: 'max-bundle' }) => Negotiator
  }

  type Options = { kind: 'audio' | 'video'; direction: 'sendonly' | 'recvonly' | 'sendrecv'; rids?: string[] }
  async function connection(transceivers: Options[], withChannel = false) {
    const peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' })
    cleanUp.push(() => peer.close())
    for (const { kind, direction, rids } of transceivers) {
      const encodings = rids?.map((rid) => ({ rid }))
      peer.addTransceiver(kind, { direction, ...(encodings && { sendEncodings: encodings }) })
    }
    if (withChannel) peer.createDataChannel('channel')
    await peer.setLocalDescription(await peer.createOffer())
    return { peer, offer: peer.localDescription?.sdp ?? '' }
  }

  it.each<[string, Options[], boolean]>([
    [
      'audio and video',
      [
        { kind: 'audio', direction: 'sendonly' },
        { kind: 'video', direction: 'sendonly' },
      ],
      false,
    ],
    [
      'with sendrecv',
      [
        { kind: 'audio', direction: 'sendrecv' },
        { kind: 'video', direction: 'sendrecv' },
      ],
      false,
    ],
    [
      'video first',
      [
        { kind: 'video', direction: 'sendonly' },
        { kind: 'audio', direction: 'sendonly' },
      ],
      false,
    ],
    ['audio alone', [{ kind: 'audio', direction: 'sendonly' }], false],
    [
      'simulcast',
      [
        { kind: 'audio', direction: 'sendonly' },
        { kind: 'video', direction: 'sendonly', rids: ['q', 'h', 'f'] },
      ],
      false,
    ],
    ['beside a data channel', [{ kind: 'video', direction: 'sendonly' }], true],
  ])('publishes %s', async (_, transceivers, withChannel) => {
    const { peer, offer } = await connection(transceivers, withChannel)
    const { answer, tracks } = publish(offer)
    expect(answerFaults(offer, answer)).toEqual([])
    expect(tracks).toHaveLength(transceivers.length)
    await peer.setRemoteDescription({ type: 'answer', sdp: answer })
    expect(peer.signalingState).toBe('stable')
    expect(peer.getTransceivers().map(({ currentDirection }) => currentDirection)).toEqual(
      transceivers.map(() => 'sendonly'),
    )
  })

  const watching: Options[] = [
    { kind: 'audio', direction: 'recvonly' },
    { kind: 'video', direction: 'recvonly' },
  ]
  it.each([
    ['both kinds', watching, vp8AndOpusMedia, ['recvonly', 'recvonly']],
    ['audio alone: the video is refused and its transceiver stops', watching, opusMedia, ['recvonly']],
    ['video alone: the audio in front stays inactive', watching, vp8Media, ['inactive', 'recvonly']],
    ['with sendrecv', [{ kind: 'video', direction: 'sendrecv' }], vp8Media, ['recvonly']],
  ] as const)('plays %s', async (_, transceivers, media, currentDirections) => {
    const { peer, offer } = await connection([...transceivers])
    const { answer } = play(offer, media)
    expect(answerFaults(offer, answer)).toEqual([])
    const streams: string[] = []
    peer.addEventListener('track', ({ streams: of }) => streams.push(...of.map(({ id }) => id)))
    await peer.setRemoteDescription({ type: 'answer', sdp: answer })
    expect(peer.signalingState).toBe('stable')
    expect(peer.getTransceivers().map(({ currentDirection }) => currentDirection)).toEqual(currentDirections)
    expect(streams).toEqual(
      currentDirections.filter((direction) => direction === 'recvonly').map(() => 'stream'),
    )
  })

  it('refuses what the checker refuses: the parser is awake', async () => {
    const { peer, offer } = await connection([{ kind: 'video', direction: 'sendonly' }])
    const { answer } = publish(offer)
    const other = smallOffer([mediaLines('audio', '0', 'sendonly', '111', ['a=rtpmap:111 opus/48000/2'])])
    await expect(peer.setRemoteDescription({ type: 'answer', sdp: publish(other).answer })).rejects.toThrow()
    await peer.setRemoteDescription({ type: 'answer', sdp: answer })
  })
})
