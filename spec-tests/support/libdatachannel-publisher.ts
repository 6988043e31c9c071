/** Publishes the H.264 (or VP8) and Opus samples by libdatachannel, with the chain of media handlers that OBS uses. */
import { randomInt } from 'node:crypto'
import nodeDataChannel from 'node-datachannel'
import { startSteadyClock } from '../../src/client/steady-clock.ts'
import { openSession, type ClientSession } from '../../src/signalling/session-client.ts'
import { writeRtpHeader } from '../../src/media/rtp/rtp-header.ts'
import { h264Sample, numberedH264Sample, numberedVp8Sample, opusSample } from './samples.ts'
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
  /** Instead of the usual sample: pictures that tell their number, with a keyframe every 4 s. */
  readonly numbered?: 'H264' | 'VP8'
}

export interface LibdatachannelPublisher {
  readonly session: ClientSession
  /** What was posted. */
  readonly offer: string
  /** States of the peer connection since the start. */
  readonly states: readonly string[]
  readonly framesSent: () => number
  /** When the first and the last picture were sent, in ms of `performance.now()`; 0 before. */
  readonly sentMs: () => { readonly first: number; readonly last: number }
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
  const isVp8 = options.numbered === 'VP8'
  if (isVp8) video.addVP8Codec(videoPayloadType)
  else {
    const profile = 'profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1'
    video.addH264Codec(videoPayloadType, profile)
  }
  video.addSSRC(videoSsrc, 'whipway-test', 'stream', 'stream-video')
  const videoTrack = connection.addTrack(video)
  const videoConfig = new RtpPacketizationConfig(videoSsrc, 'whipway-test', videoPayloadType, videoClockRate)
  const videoChain = isVp8
    ? new RtcpSrReporter(videoConfig)
    : new H264RtpPacketizer('StartSequence', videoConfig, maxFragmentBytes)
  if (!isVp8) videoChain.addToChain(new RtcpSrReporter(videoConfig))
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

    const sample = isVp8 ? numberedVp8Sample : options.numbered === 'H264' ? numberedH264Sample : h264Sample
    const pictures = sample.load()
    const vp8 = isVp8 ? new Vp8Packetizer(videoSsrc) : undefined
    const sounds = opusSample.load()
    const videoStart = randomInt(0, 0xffff_ffff)
    const audioStart = randomInt(0, 0xffff_ffff)
    let framesSent = 0
    let firstMs = 0
    let lastMs = 0
    const stopVideo = startSteadyClock(1_000 / h264Sample.frameRate, (number) => {
      // The clock leaves numbers out when the process was held up; a picture that is left out would spoil all that refer to it.
      const picture = pictures[framesSent % pictures.length]
      if (picture === undefined || !videoTrack.isOpen()) return
      videoConfig.timestamp = (videoStart + (number * videoClockRate) / h264Sample.frameRate) >>> 0
      if (vp8 === undefined) videoTrack.sendMessageBinary(picture)
      else
        for (const packet of vp8.packetize(picture, videoConfig.timestamp))
          videoTrack.sendMessageBinary(packet)
      framesSent++
      lastMs = performance.now()
      if (firstMs === 0) firstMs = lastMs
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
      sentMs: () => ({ first: firstMs, last: lastMs }),
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

/** libdatachannel has none for VP8 (RFC 7741): a descriptor of one byte in front of each piece of a frame, S set on the first. */
class Vp8Packetizer {
  readonly #ssrc: number
  #sequence = randomInt(0, 0xffff)

  constructor(ssrc: number) {
    this.#ssrc = ssrc
  }

  packetize(frame: Buffer, timestamp: number): Buffer[] {
    const packets: Buffer[] = []
    for (let at = 0; at < frame.length; at += maxFragmentBytes) {
      const piece = frame.subarray(at, at + maxFragmentBytes)
      const packet = Buffer.alloc(13 + piece.length)
      const view = new DataView(packet.buffer, packet.byteOffset, packet.length)
      const isLast = at + piece.length === frame.length
      this.#sequence = (this.#sequence + 1) & 0xffff
      writeRtpHeader(view, 0, isLast, videoPayloadType, this.#sequence, timestamp, this.#ssrc, false)
      packet[12] = at === 0 ? 0x10 : 0
      piece.copy(packet, 13)
      packets.push(packet)
    }
    return packets
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
