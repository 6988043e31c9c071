/** What the bench's processes say to each other over Node's IPC channel: plain data. */

export type PublisherCommand =
  | { readonly type: 'publish'; readonly endpoint: string; readonly settings: StreamSettings }
  /** Answered by 'position'. */
  | { readonly type: 'position' }

export type PublisherEvent =
  | { readonly type: 'publishing'; readonly join: JoinTimes }
  /** How many packets were sent so far, which is also the counter that the next packet will carry. */
  | { readonly type: 'position'; readonly packets: number }
  | { readonly type: 'failed'; readonly message: string }

export type ViewersCommand =
  /** Answered by 'joined' when every viewer got a packet or has given up. */
  | {
      readonly type: 'join'
      readonly endpoint: string
      readonly viewers: number
      readonly intervalMs: number
      readonly timeoutMs: number
    }
  /** Answered by 'received': what came of the packets that carry counters from `from` up to, not including, `to`. */
  | { readonly type: 'count'; readonly from: number; readonly to: number }

export type ViewersEvent =
  | { readonly type: 'joined'; readonly joins: readonly JoinTimes[]; readonly failures: readonly string[] }
  | {
      readonly type: 'received'
      readonly viewers: readonly ReceivedCount[]
      readonly delaysMs: readonly number[]
    }

/** All in milliseconds from the moment the POST was sent. */
export interface JoinTimes {
  readonly answeredMs: number
  readonly connectedMs: number
  readonly firstPacketMs?: number
  readonly firstKeyframeMs?: number
}

export interface ReceivedCount {
  /** Different packets of the asked range. */
  readonly packets: number
  /** Packets that came more than once. */
  readonly duplicates: number
}

export interface StreamSettings {
  readonly bitsPerSecond: number
  readonly framesPerSecond: number
  /** RTP packets have this size, headers included, save for the last of a frame. */
  readonly packetBytes: number
  readonly keyframeIntervalFrames: number
  /** A keyframe is as big as so many other frames. */
  readonly keyframeWeight: number
}
