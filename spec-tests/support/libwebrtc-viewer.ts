/** Plays a stream by libwebrtc (`@roamhq/wrtc`): pictures and sound are decoded. It has no H.264. */
import { createGatheredOffer, loadWebRtc, type PeerConnection } from '../../src/client/webrtc.ts'
import { openSession, type ClientSession } from '../../src/signalling/session-client.ts'
import type { ShownPicture, ShownPictures } from './chromium.ts'
import { waitFor } from './wait.ts'

/** Entries of `getStats()`. */
export type StatisticsReport = readonly Readonly<Record<string, unknown>>[]

export interface LibwebrtcViewerOptions {
  readonly url: string
  readonly token?: string | undefined
  readonly editOffer?: ((offer: string) => string) | undefined
  readonly editAnswer?: ((answer: string) => string) | undefined
}

export interface LibwebrtcViewer {
  readonly session: ClientSession
  readonly connection: PeerConnection
  /** Decoded pictures. */
  readonly frames: () => number
  /** Of the last decoded picture, such as '640x360'. */
  readonly frameSize: () => string
  /** When the WHEP POST was sent, and when each picture of a numbered sample was decoded, in Unix time. */
  readonly shownPictures: () => ShownPictures
  /** Mean square of the decoded samples so far, in [0, 1]. */
  readonly audioPower: () => number
  statistics(): Promise<StatisticsReport>
  stop(): Promise<void>
  close(): void
}

/** Resolves when ICE and DTLS are complete. */
export async function startLibwebrtcViewer(options: LibwebrtcViewerOptions): Promise<LibwebrtcViewer> {
  const { RTCPeerConnection, nonstandard } = await loadWebRtc()
  const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' })
  const audioTrack = connection.addTransceiver('audio', { direction: 'recvonly' }).receiver.track
  const videoTrack = connection.addTransceiver('video', { direction: 'recvonly' }).receiver.track
  const videoSink = new nonstandard.RTCVideoSink(videoTrack)
  const audioSink = new nonstandard.RTCAudioSink(audioTrack)
  const pictures: ShownPicture[] = []
  let postMs = 0
  let frames = 0
  let frameSize = ''
  let squares = 0
  let samples = 0
  videoSink.onframe = ({ frame }) => {
    frames++
    pictures.push({ number: numberIn(frame), shownMs: performance.timeOrigin + performance.now() })
    frameSize = `${frame.width}x${frame.height}`
  }
  audioSink.ondata = (data) => {
    for (const sample of data.samples) squares += (sample / 0x8000) ** 2
    samples += data.samples.length
  }
  const close = () => {
    videoSink.stop()
    audioSink.stop()
    connection.close()
  }

  try {
    const { url, token, editOffer = same, editAnswer = same } = options
    const offer = editOffer(await createGatheredOffer(connection))
    postMs = performance.timeOrigin + performance.now()
    const session = await openSession({ url, offer, token })
    await connection.setRemoteDescription({ type: 'answer', sdp: editAnswer(session.answer) })
    await waitFor('the viewer to connect', () => connection.connectionState === 'connected')
    return {
      session,
      connection,
      frames: () => frames,
      frameSize: () => frameSize,
      shownPictures: () => ({ postMs, pictures }),
      audioPower: () => (samples === 0 ? 0 : squares / samples),
      statistics: () => readStatistics(connection),
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

/** Seven blocks of 32 x 32 pixels at the top left, the lowest bit first. */
function numberIn({ width, data }: { readonly width: number; readonly data: Uint8Array }): number {
  let number = 0
  for (let bit = 0; bit < 7; bit++) if ((data[16 * width + 32 * bit + 16] ?? 0) > 128) number |= 1 << bit
  return number
}

export async function readStatistics(connection: PeerConnection): Promise<StatisticsReport> {
  return [...(await connection.getStats()).values()]
}

/** A number in the first entry of that type and kind; 0 where there is none yet. */
export function readNumber(
  report: StatisticsReport,
  type: 'inbound-rtp' | 'outbound-rtp' | 'remote-inbound-rtp',
  kind: 'audio' | 'video',
  name: string,
): number {
  const entry = report.find((candidate) => candidate['type'] === type && candidate['kind'] === kind)
  return Number(entry?.[name] ?? 0)
}

function same(sdp: string): string {
  return sdp
}
