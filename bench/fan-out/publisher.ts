/** The bench's publisher, a process of its own: libdatachannel sends a synthetic H.264 stream, as OBS would. */
import nodeDataChannel, { type Track } from 'node-datachannel'
import type { PublisherCommand, PublisherEvent, StreamSettings } from './messages.ts'
import { createPeer, gatherOffer, join } from './peer.ts'
import { SyntheticStream } from './stream.ts'

const payloadType = 96
const ssrc = 0x5eed0001
const clockRate = 90_000
const joinTimeoutMs = 10_000

const report = (event: PublisherEvent) => process.send?.(event)

function addVideoTrack(peer: ReturnType<typeof createPeer>): Track {
  const video = new nodeDataChannel.Video('video', 'SendOnly')
  video.addH264Codec(payloadType)
  video.addSSRC(ssrc, 'bench', 'bench', 'video')
  const track = peer.addTrack(video)
  // Sender reports, as OBS sends them; keyframe requests stay unanswered, as with OBS.
  const configuration = new nodeDataChannel.RtpPacketizationConfig(ssrc, 'bench', payloadType, clockRate)
  track.setMediaHandler(new nodeDataChannel.RtcpSrReporter(configuration))
  return track
}

/** Encoders are not punctual; and frames in step with the kernel's ticks would spoil its sampling of user and system time. */
const frameJitterMs = 4

/** Frames leave around fixed times from the start, so that a late timer does not slow the stream down. */
function sendFrames(stream: SyntheticStream, track: Track, settings: StreamSettings): void {
  const startedAtMs = performance.now()
  let frames = 0
  const sendDueFrames = () => {
    const due = Math.floor(((performance.now() - startedAtMs) * settings.framesPerSecond) / 1000)
    for (; frames <= due; frames++) stream.nextFrame((packet) => track.sendMessageBinary(packet))
    const nextAtMs = startedAtMs + (frames * 1000) / settings.framesPerSecond
    setTimeout(sendDueFrames, Math.max(0, nextAtMs + Math.random() * frameJitterMs - performance.now()))
  }
  sendDueFrames()
}

const peer = createPeer('publisher')
const track = addVideoTrack(peer)
let stream: SyntheticStream | undefined

async function publish(endpoint: string, settings: StreamSettings): Promise<void> {
  const offer = await gatherOffer(peer)
  const opened = new Promise<void>((resolve) => {
    track.onOpen(resolve)
  })
  const { answeredMs, connectedMs } = await join(peer, endpoint, offer, joinTimeoutMs)
  await opened
  stream = new SyntheticStream(settings, ssrc, payloadType)
  sendFrames(stream, track, settings)
  report({ type: 'publishing', join: { answeredMs, connectedMs } })
}

process.on('message', (command: PublisherCommand) => {
  if (command.type === 'position') {
    report({ type: 'position', packets: stream?.packets ?? 0 })
    return
  }
  publish(command.endpoint, command.settings).catch((error: unknown) => {
    report({ type: 'failed', message: String(error) })
  })
})
process.on('disconnect', () => process.exit())
