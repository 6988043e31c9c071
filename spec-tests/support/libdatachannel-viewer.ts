/** Plays a stream by libdatachannel, which hands over bare RTP and RTCP: what arrived can be checked packet by packet. */
import nodeDataChannel, { type Track } from 'node-datachannel'
import { openSession, type ClientSession } from '../../src/signalling/session-client.ts'
import { withoutCandidates } from './libdatachannel-publisher.ts'
import { isRtcp, ReceivedTrack, rtcpTypes } from './rtp-track.ts'
import { waitFor } from './wait.ts'

const { Audio, PeerConnection, Video } = nodeDataChannel

const audioPayloadType = 111
const videoPayloadType = 96
const rtxPayloadType = 97
/** Any SSRC will do in the feedback of a receiver that sends nothing. */
const feedbackSsrc = 1
const nackIntervalMs = 40
/** How far back, in packets, a loss is still asked for. */
const nackWindow = 400

const rtcpType = { senderReport: 200, bye: 203 } as const

export interface LibdatachannelViewerOptions {
  readonly url: string
  readonly codec: 'H264' | 'VP8'
  readonly token?: string | undefined
  /** Offer RTX (RFC 4588). */
  readonly rtx?: boolean | undefined
  /** Ask for lost packets (RFC 4585). */
  readonly nack?: boolean | undefined
  /** Changes the offer before it is posted. */
  readonly editOffer?: ((offer: string) => string) | undefined
  readonly editAnswer?: ((answer: string) => string) | undefined
}

export interface LibdatachannelViewer {
  readonly session: ClientSession
  readonly states: readonly string[]
  readonly video: ReceivedTrack
  readonly audio: ReceivedTrack
  readonly senderReports: () => number
  readonly byes: () => number
  readonly nacksSent: () => number
  /** Picture loss indication (RFC 4585 section 6.3.1). */
  requestKeyframe(): void
  stop(): Promise<void>
  close(): void
}

/** Resolves when ICE and DTLS are complete. */
export async function startLibdatachannelViewer(
  options: LibdatachannelViewerOptions,
): Promise<LibdatachannelViewer> {
  const { codec, rtx = false, nack = false } = options
  const connection = new PeerConnection('viewer', { iceServers: [] })
  const states: string[] = []
  connection.onStateChange((state) => states.push(state))

  const audioMedia = new Audio('0', 'RecvOnly')
  audioMedia.addOpusCodec(audioPayloadType)
  const videoMedia = new Video('1', 'RecvOnly')
  if (codec === 'H264') videoMedia.addH264Codec(videoPayloadType)
  else videoMedia.addVP8Codec(videoPayloadType)
  if (rtx) videoMedia.addRTXCodec(rtxPayloadType, videoPayloadType, 90_000)

  const audio = new ReceivedTrack('opus')
  const video = new ReceivedTrack(codec, rtx ? rtxPayloadType : undefined)
  let senderReports = 0
  let byes = 0
  let nacksSent = 0
  const listen = (track: Track, received: ReceivedTrack) => {
    track.onMessage((packet) => {
      if (!isRtcp(packet)) return received.receive(packet)
      for (const type of rtcpTypes(packet)) {
        if (type === rtcpType.senderReport) senderReports++
        if (type === rtcpType.bye) byes++
      }
    })
    return track
  }
  const audioTrack = listen(connection.addTrack(audioMedia), audio)
  const videoTrack = listen(connection.addTrack(videoMedia), video)

  const sendFeedback = (packet: Buffer) => {
    if (videoTrack.isOpen()) videoTrack.sendMessageBinary(packet)
  }
  const sendNack = () => {
    const [ssrc] = video.ssrcs
    const missing = video.missing(nackWindow)
    if (ssrc === undefined || missing.length === 0) return
    nacksSent++
    sendFeedback(writeNack(ssrc, missing))
  }
  const nackTimer = nack ? setInterval(sendNack, nackIntervalMs) : undefined
  const close = () => {
    clearInterval(nackTimer)
    // Also keeps the tracks from being collected before, which would silently end their packets.
    audioTrack.close()
    videoTrack.close()
    connection.close()
  }

  try {
    const session = await negotiate(connection, options)
    await waitFor(
      'the viewer to connect',
      () => connection.state() === 'connected',
      {},
      () => states,
    )
    return {
      session,
      states,
      video,
      audio,
      senderReports: () => senderReports,
      byes: () => byes,
      nacksSent: () => nacksSent,
      requestKeyframe: () => {
        const [ssrc] = video.ssrcs
        sendFeedback(writeFeedback(206, 1, ssrc ?? 0, []))
      },
      close,
      async stop() {
        await session.end()
        close()
      },
    }
  } catch (error) {
    close()
    throw error
  }
}

async function negotiate(
  connection: InstanceType<typeof PeerConnection>,
  { url, token, editOffer = (offer) => offer, editAnswer = (answer) => answer }: LibdatachannelViewerOptions,
): Promise<ClientSession> {
  connection.setLocalDescription('offer')
  const offer = connection.localDescription()?.sdp ?? ''
  const session = await openSession({ url, offer: editOffer(withoutCandidates(offer)), token })
  connection.setRemoteDescription(editAnswer(session.answer), 'answer')
  return session
}

/** Generic NACK (RFC 4585 section 6.2.1), one entry for each number: simple, and the gateway has to merge them. */
function writeNack(mediaSsrc: number, missing: readonly number[]): Buffer {
  const entries = missing.slice(-100).map((number) => ((number & 0xffff) << 16) >>> 0)
  return writeFeedback(205, 1, mediaSsrc, entries)
}

function writeFeedback(type: number, format: number, mediaSsrc: number, entries: readonly number[]): Buffer {
  const packet = Buffer.alloc(12 + 4 * entries.length)
  packet[0] = 0x80 | format
  packet[1] = type
  packet.writeUInt16BE(packet.length / 4 - 1, 2)
  packet.writeUInt32BE(feedbackSsrc, 4)
  packet.writeUInt32BE(mediaSsrc, 8)
  for (const [index, entry] of entries.entries()) packet.writeUInt32BE(entry, 12 + 4 * index)
  return packet
}
