/** Publishes the H.264 and Opus samples by libdatachannel, with the chain of media handlers that OBS uses. */
import { randomInt } from 'node:crypto'
import nodeDataChannel from 'node-datachannel'
import { startSteadyClock } from '../../src/client/steady-clock.ts'
import { openSession, type ClientSession } from '../../src/signalling/session-client.ts'
import { h264Sample, opusSample } from './samples.ts'
import { waitFor } from './wait.ts'

const {
  Audio,
  H264RtpPacketizer,
  PeerConnection,
  RtcpNackResponder,
  RtcpSrReporter,
  RtpPacketizationConfig,
} = nodeDataChannel
const { RtpPacketizer, Video } = nodeDataChannel

const audioPayloadType = 111
const videoPayloadType = 96
const audioClockRate = 48_000
const videoClockRate = 90_000
/** OBS's limit for a packet's payload. */
const maxFragmentBytes = 1_200
/** Packets that can be sent again: OBS keeps so many, two to four seconds. */
const retransmissionPackets = 4_000

export interface LibdatachannelPublisherOptions {
  readonly url: string
  readonly token?: string | undefined
  /** Changes the offer before it is posted. */
  readonly editOffer?: ((offer: string) => string) | undefined
  /** Changes the answer before libdatachannel sees it (such as pointing it at a relay). */
  readonly editAnswer?: ((answer: string) => string) | undefined
  readonly connectTimeoutMs?: number
}

export interface LibdatachannelPublisher {
  readonly session: ClientSession
  /** What was posted. */
  readonly offer: string
  /** States of the peer connection since the start. */
  readonly states: readonly string[]
  readonly framesSent: () => number
  readonly bytesSent: () => number
  /** DELETE, then close. */
  stop(): Promise<void>
  /** Closes without a DELETE: DTLS close_notify is all that the gateway gets. */
  close(): void
  /** Stops sending media but stays connected. */
  pause(): void
}

/** Resolves when ICE and DTLS are complete and media flows. */
export async function startLibdatachannelPublisher(
  options: LibdatachannelPublisherOptions,
): Promise<LibdatachannelPublisher> {
  const connection = new PeerConnection('publisher', { iceServers: [] })
  const states: string[] = []
  connection.onStateChange((state) => states.push(state))

  const audioSsrc = randomInt(1, 0xffff_ffff)
  const audio = new Audio('0', 'SendOnly')
  audio.addOpusCodec(
    audioPayloadType,
    'minptime=10;maxaveragebitrate=96000;stereo=1;sprop-stereo=1;useinbandfec=1',
  )
  audio.addSSRC(audioSsrc, 'whipway-test', 'stream', 'stream-audio')
  const audioTrack = connection.addTrack(audio)
  const audioConfig = new RtpPacketizationConfig(audioSsrc, 'whipway-test', audioPayloadType, audioClockRate)
  const audioChain = new RtpPacketizer(audioConfig)
  audioChain.addToChain(new RtcpSrReporter(audioConfig))
  audioChain.addToChain(new RtcpNackResponder(retransmissionPackets))
  audioTrack.setMediaHandler(audioChain)

  const videoSsrc = randomInt(1, 0xffff_ffff)
  const video = new Video('1', 'SendOnly')
  video.addH264Codec(
    videoPayloadType,
    'profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1',
  )
  video.addSSRC(videoSsrc, 'whipway-test', 'stream', 'stream-video')
  const videoTrack = connection.addTrack(video)
  const videoConfig = new RtpPacketizationConfig(videoSsrc, 'whipway-test', videoPayloadType, videoClockRate)
  const videoChain = new H264RtpPacketizer('StartSequence', videoConfig, maxFragmentBytes)
  videoChain.addToChain(new RtcpSrReporter(videoConfig))
  videoChain.addToChain(new RtcpNackResponder(retransmissionPackets))
  videoTrack.setMediaHandler(videoChain)

  try {
    const { offer, session } = await negotiate(connection, options)
    const wait = { timeoutMs: options.connectTimeoutMs ?? 15_000 }
    await waitFor(
      'the publisher to connect',
      () => connection.state() === 'connected',
      wait,
      () => states,
    )
    await waitFor('the tracks to open', () => audioTrack.isOpen() && videoTrack.isOpen(), wait)

    const pictures = h264Sample.load()
    const sounds = opusSample.load()
    const videoStart = randomInt(0, 0xffff_ffff)
    const audioStart = randomInt(0, 0xffff_ffff)
    let framesSent = 0
    const stopVideo = startSteadyClock(1_000 / h264Sample.frameRate, (number) => {
      const picture = pictures[number % pictures.length]
      if (picture === undefined || !videoTrack.isOpen()) return
      videoConfig.timestamp = (videoStart + (number * videoClockRate) / h264Sample.frameRate) >>> 0
      videoTrack.sendMessageBinary(picture)
      framesSent++
    })
    const stopAudio = startSteadyClock(opusSample.packetMs, (number) => {
      const sound = sounds[number % sounds.length]
      if (sound === undefined || !audioTrack.isOpen()) return
      audioConfig.timestamp = (audioStart + (number * audioClockRate * opusSample.packetMs) / 1_000) >>> 0
      audioTrack.sendMessageBinary(sound)
    })
    const pause = () => {
      stopVideo()
      stopAudio()
    }
    const close = () => {
      pause()
      connection.close()
    }
    return {
      session,
      offer,
      states,
      framesSent: () => framesSent,
      bytesSent: () => connection.bytesSent(),
      pause,
      close,
      async stop() {
        pause()
        await session.end()
        connection.close()
      },
    }
  } catch (error) {
    connection.close()
    throw error
  }
}

/** OBS posts an offer without candidates and gathers once it has the answer. */
async function negotiate(
  connection: InstanceType<typeof PeerConnection>,
  {
    url,
    token,
    editOffer = (offer) => offer,
    editAnswer = (answer) => answer,
  }: LibdatachannelPublisherOptions,
): Promise<{ offer: string; session: ClientSession }> {
  connection.setLocalDescription('offer')
  const offer = editOffer(withoutCandidates(connection.localDescription()?.sdp ?? ''))
  const session = await openSession({ url, offer, token })
  connection.setRemoteDescription(editAnswer(session.answer), 'answer')
  return { offer, session }
}

export function withoutCandidates(sdp: string): string {
  return sdp.replace(/^a=(?:candidate:.*|end-of-candidates)\r?\n/gm, '')
}
