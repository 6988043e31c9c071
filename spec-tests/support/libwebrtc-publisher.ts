/** Publishes VP8 and Opus by libwebrtc (`@roamhq/wrtc`): a moving picture and a tone. */
import { startSteadyClock } from '../../src/client/steady-clock.ts'
import { TestPicture } from '../../src/client/test-picture.ts'
import { createGatheredOffer, loadWebRtc, type PeerConnection } from '../../src/client/webrtc.ts'
import { openSession, type ClientSession } from '../../src/signalling/session-client.ts'
import { readStatistics, type StatisticsReport } from './libwebrtc-viewer.ts'
import { waitFor } from './wait.ts'

export interface LibwebrtcPublisherOptions {
  readonly url: string
  readonly token?: string | undefined
  readonly width?: number
  readonly height?: number
  readonly frameRate?: number
  readonly editOffer?: ((offer: string) => string) | undefined
  readonly editAnswer?: ((answer: string) => string) | undefined
}

export interface LibwebrtcPublisher {
  readonly session: ClientSession
  readonly connection: PeerConnection
  statistics(): Promise<StatisticsReport>
  /** DELETE, then close. */
  stop(): Promise<void>
  /** Closes without a DELETE. */
  close(): void
}

const audioChunkMs = 10
const sampleRate = 48_000

/** Resolves when ICE and DTLS are complete. */
export async function startLibwebrtcPublisher(
  options: LibwebrtcPublisherOptions,
): Promise<LibwebrtcPublisher> {
  const { url, token, width = 320, height = 240, frameRate = 25 } = options
  const { RTCPeerConnection, MediaStream, nonstandard } = await loadWebRtc()
  const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' })
  const video = new nonstandard.RTCVideoSource()
  const audio = new nonstandard.RTCAudioSource()
  const tracks = [audio.createTrack(), video.createTrack()]
  const stream = new MediaStream()
  for (const track of tracks) connection.addTrack(track, stream)

  const picture = new TestPicture(width, height)
  const stopVideo = startSteadyClock(1_000 / frameRate, (number, elapsedMs) => {
    picture.draw(number, elapsedMs)
    video.onFrame(picture)
  })
  const numberOfFrames = (sampleRate * audioChunkMs) / 1_000
  const stopAudio = startSteadyClock(audioChunkMs, (number) => {
    const samples = Int16Array.from({ length: numberOfFrames }, (_, index) => {
      return 8_000 * Math.sin((2 * Math.PI * 440 * (number * numberOfFrames + index)) / sampleRate)
    })
    audio.onData({ samples, sampleRate, bitsPerSample: 16, channelCount: 1, numberOfFrames })
  })
  const close = () => {
    stopVideo()
    stopAudio()
    for (const track of tracks) track.stop()
    connection.close()
  }

  try {
    const { editOffer = same, editAnswer = same } = options
    const offer = await createGatheredOffer(connection)
    const session = await openSession({ url, offer: editOffer(offer), token })
    await connection.setRemoteDescription({ type: 'answer', sdp: editAnswer(session.answer) })
    await waitFor('the publisher to connect', () => connection.connectionState === 'connected')
    return {
      session,
      connection,
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

function same(sdp: string): string {
  return sdp
}
