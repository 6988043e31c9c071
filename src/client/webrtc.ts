/** The part of `@roamhq/wrtc` (libwebrtc for Node) that is used here, loaded only when it is asked for. */

export interface WebRtc {
  readonly RTCPeerConnection: new (configuration?: { bundlePolicy?: 'max-bundle' }) => PeerConnection
  readonly MediaStream: new () => MediaStream
  readonly nonstandard: {
    readonly RTCVideoSource: new (init?: { isScreencast?: boolean }) => VideoSource
    readonly RTCAudioSource: new () => AudioSource
    readonly RTCVideoSink: new (track: MediaTrack) => VideoSink
    readonly RTCAudioSink: new (track: MediaTrack) => AudioSink
  }
}

export interface PeerConnection {
  readonly connectionState: 'new' | 'connecting' | 'connected' | 'disconnected' | 'failed' | 'closed'
  readonly iceGatheringState: 'new' | 'gathering' | 'complete'
  readonly localDescription: { readonly sdp: string } | null
  addTrack(track: MediaTrack, stream: MediaStream): unknown
  addTransceiver(
    kind: 'audio' | 'video',
    init: { direction: 'recvonly' | 'sendonly' },
  ): { readonly receiver: { readonly track: MediaTrack } }
  /** The next offer has new ICE credentials (RFC 8445 section 9). */
  restartIce(): void
  createOffer(): Promise<SessionDescription>
  createAnswer(): Promise<SessionDescription>
  setLocalDescription(description: SessionDescription): Promise<void>
  setRemoteDescription(description: SessionDescription): Promise<void>
  getStats(): Promise<ReadonlyMap<string, Readonly<Record<string, unknown>>>>
  addEventListener(type: 'connectionstatechange' | 'icegatheringstatechange', listener: () => void): void
  removeEventListener(type: 'connectionstatechange' | 'icegatheringstatechange', listener: () => void): void
  close(): void
}

export interface SessionDescription {
  readonly type: 'offer' | 'answer'
  readonly sdp: string
}

export interface MediaTrack {
  stop(): void
}

/** Only ever passed on. */
export type MediaStream = object

/** I420: the luma plane, then both chroma planes of a quarter of its size. */
export interface VideoFrame {
  readonly width: number
  readonly height: number
  readonly data: Uint8Array
}

export interface VideoSource {
  createTrack(): MediaTrack
  onFrame(frame: VideoFrame): void
}

/** 10 ms of samples, interleaved. */
export interface AudioData {
  readonly samples: Int16Array
  readonly sampleRate: number
  readonly bitsPerSample: 16
  readonly channelCount: number
  readonly numberOfFrames: number
}

export interface AudioSource {
  createTrack(): MediaTrack
  onData(data: AudioData): void
}

export interface VideoSink {
  onframe: ((event: { readonly frame: VideoFrame }) => void) | null
  stop(): void
}

export interface AudioSink {
  ondata: ((event: AudioData) => void) | null
  stop(): void
}

/** Not a literal, so that the compiler does not look for a package that may be missing. */
const packageName: string = '@roamhq/wrtc'

/** Throws an `Error` that says what to install when the optional package is missing or has no binary for this machine. */
export async function loadWebRtc(): Promise<WebRtc> {
  try {
    const module = (await import(packageName)) as { default: WebRtc }
    return module.default
  } catch (cause) {
    throw new Error(
      `this needs the optional package ${packageName}, which is not installed or has no binary for ` +
        `${process.platform}-${process.arch}: npm install ${packageName}`,
      { cause },
    )
  }
}

/** The local offer once every candidate has been gathered (neither the offer nor a PATCH has to trickle then). */
export async function createGatheredOffer(connection: PeerConnection): Promise<string> {
  await connection.setLocalDescription(await connection.createOffer())
  await new Promise<void>((resolve) => {
    const check = () => {
      if (connection.iceGatheringState !== 'complete') return
      connection.removeEventListener('icegatheringstatechange', check)
      resolve()
    }
    connection.addEventListener('icegatheringstatechange', check)
    check()
  })
  return connection.localDescription?.sdp ?? ''
}
