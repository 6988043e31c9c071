/** Publishes a moving test picture and a tone to a WHIP endpoint through libwebrtc, for those who have no OBS at hand. */
import { openSession } from '../signalling/session-client.ts'
import { startSteadyClock } from './steady-clock.ts'
import { TestPicture } from './test-picture.ts'
import { createGatheredOffer, loadWebRtc, type AudioSource, type VideoSource } from './webrtc.ts'

export interface DemoPublisherOptions {
  readonly whipUrl: string
  /** Bearer token. */
  readonly token?: string | undefined
  /** Stops publishing, as `stop` does. */
  readonly signal?: AbortSignal | undefined
  /** Pixels, even. */
  readonly width?: number | undefined
  readonly height?: number | undefined
  /** Frames per second. */
  readonly frameRate?: number | undefined
}

export interface DemoPublisher {
  /** Sends DELETE and frees the encoder; never throws. A second call waits for the first. */
  stop(): Promise<void>
}

/** What RTCAudioSource takes at a time. */
const audioChunkMs = 10
const sampleRate = 48_000
const toneHz = 440
/** A quarter of full scale: heard, yet kind to headphones. */
const toneAmplitude = 0.25 * 0x7fff

/** Throws when `@roamhq/wrtc` is missing, when the endpoint refuses or when it does not answer. */
export async function startDemoPublisher(options: DemoPublisherOptions): Promise<DemoPublisher> {
  const { whipUrl, token, signal, width = 640, height = 360, frameRate = 25 } = options
  const { RTCPeerConnection, MediaStream, nonstandard } = await loadWebRtc()
  signal?.throwIfAborted()
  const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' })
  const video = new nonstandard.RTCVideoSource()
  const audio = new nonstandard.RTCAudioSource()
  const tracks = [video.createTrack(), audio.createTrack()]
  const stream = new MediaStream()
  for (const track of tracks) connection.addTrack(track, stream)
  const release = () => {
    for (const track of tracks) track.stop()
    connection.close()
  }

  try {
    const session = await openSession({
      url: whipUrl,
      offer: await createGatheredOffer(connection),
      token,
      signal,
    })
    await connection.setRemoteDescription({ type: 'answer', sdp: session.answer })
    const stopVideo = startPicture(video, width, height, frameRate)
    const stopAudio = startTone(audio)
    let stopping: Promise<void> | undefined
    const stop = () => {
      stopping ??= (async () => {
        signal?.removeEventListener('abort', onAbort)
        stopVideo()
        stopAudio()
        // The gateway may be gone already; there is nothing left to end then.
        await session.end().catch(() => undefined)
        release()
      })()
      return stopping
    }
    const onAbort = () => void stop()
    signal?.addEventListener('abort', onAbort)
    if (signal?.aborted === true) await stop()
    return { stop }
  } catch (error) {
    release()
    throw error
  }
}

function startPicture(source: VideoSource, width: number, height: number, frameRate: number): () => void {
  const picture = new TestPicture(width, height)
  return startSteadyClock(1_000 / frameRate, (number, elapsedMs) => {
    picture.draw(number, elapsedMs)
    source.onFrame(picture)
  })
}

function startTone(source: AudioSource): () => void {
  const numberOfFrames = (sampleRate * audioChunkMs) / 1_000
  return startSteadyClock(audioChunkMs, (number) => {
    const samples = new Int16Array(numberOfFrames)
    for (let index = 0; index < numberOfFrames; index++) {
      const time = (number * numberOfFrames + index) / sampleRate
      samples[index] = toneAmplitude * Math.sin(2 * Math.PI * toneHz * time)
    }
    source.onData({ samples, sampleRate, bitsPerSample: 16, channelCount: 1, numberOfFrames })
  })
}
