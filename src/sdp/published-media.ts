/** What a publisher sends, in the terms by which viewers' offers are matched against it. */
import type { CodecName, MediaKind } from '../media/rtp/codecs.ts'
import type { FormatParameters } from './offer.ts'

/** One negotiated codec with what distinguishes it from others of its name. */
export interface MediaFormat {
  readonly kind: MediaKind
  readonly mid: string
  readonly codec: CodecName
  readonly clockRate: number
  /** 1 for video. */
  readonly channels: number
  /** The publisher's offered format parameters. */
  readonly parameters: FormatParameters
}

export interface PublishedMedia {
  readonly audio?: MediaFormat
  readonly video?: MediaFormat
  /** For logs and messages, as in 'H264 constrained-baseline 42e01f + opus'. */
  readonly summary: string
}

/** What a viewer was promised in its answer; a later publisher has to keep to it. */
export interface ViewerMedia {
  readonly audio?: MediaFormat
  readonly video?: MediaFormat
}
