/**
 * The payload types of one accepted m-section: the codec, its RTX, and the format parameters of the answer.
 */
import type { Feedback } from '../media/contract.ts'
import type { CodecName } from '../media/rtp/codecs.ts'
import type { AnsweredFormat } from './answer-text.ts'
import { negotiateFeedback, feedbackText } from './feedback.ts'
import { negotiateExtensions, type AnsweredExtension, type GatewayRole } from './header-extensions.ts'
import type { Format, FormatParameters, MediaSection } from './offer.ts'

export interface NegotiatedFormat {
  readonly format: Format
  /** RTX (RFC 4588) for it: only where NACKs can ask for what RTX carries. */
  readonly rtx: Format | undefined
  readonly feedback: Feedback
  readonly extensions: readonly AnsweredExtension[]
}

export function negotiateFormat(section: MediaSection, format: Format, role: GatewayRole): NegotiatedFormat {
  const extensions = negotiateExtensions(section.extensions, role)
  const feedback = negotiateFeedback(format, extensions, role)
  const rtx = section.formats.find(
    ({ name, clockRate, parameters }) =>
      name.toLowerCase() === 'rtx' &&
      clockRate === format.clockRate &&
      parameters['apt'] === String(format.payloadType),
  )
  return { format, rtx: feedback.nack ? rtx : undefined, feedback, extensions }
}

/** What the answer writes for it: one codec, so that a peer cannot change to another that nobody expects. */
export function answeredFormats(
  negotiated: NegotiatedFormat,
  parameters: FormatParameters,
): AnsweredFormat[] {
  const { format, rtx, feedback } = negotiated
  const { payloadType, encoding } = format
  const answered = [{ payloadType, encoding, parameters, feedback: feedbackText(feedback) }]
  if (rtx === undefined) return answered
  return [
    ...answered,
    { payloadType: rtx.payloadType, encoding: rtx.encoding, parameters: rtx.parameters, feedback: [] },
  ]
}

/**
 * Parameters for a publisher: its own back (RFC 6184 section 8.2.2 asks for the same profile and
 * packetization mode, and the other payload formats are alike), but for what only a sender says of its stream
 * (`sprop-`) and what only limits a decoder that is not ours.
 */
export function publisherParameters(offered: FormatParameters, codec: CodecName): FormatParameters {
  const parameters = Object.fromEntries(
    Object.entries(offered).filter(([name]) => !name.startsWith('sprop-') && !decoderLimits.has(name)),
  )
  // RFC 7587 section 6.1: a sender that has two channels keeps them only for a receiver that says it prefers
  // stereo.
  return codec === 'opus' && offered['sprop-stereo'] === '1' ? { ...parameters, stereo: '1' } : parameters
}

/**
 * RFC 7741 section 6.1: the offerer's own decoder takes no larger frames. Repeated, they would bound what it
 * encodes.
 */
const decoderLimits: ReadonlySet<string> = new Set(['max-fs', 'max-fr'])

/**
 * Parameters for a viewer: those that it offered, and stereo where the publisher has it (browsers play Opus
 * as mono otherwise).
 */
export function viewerParameters(
  offered: FormatParameters,
  codec: CodecName,
  publisher: FormatParameters,
): FormatParameters {
  const parameters = Object.fromEntries(
    Object.entries(offered).filter(([name]) => !name.startsWith('sprop-')),
  )
  if (codec !== 'opus' || !isStereo(publisher)) return parameters
  return { ...parameters, stereo: '1', 'sprop-stereo': '1' }
}

/** Whether an Opus publisher sends two channels. FFmpeg always does, and offers no parameters at all. */
export function isStereo(publisher: FormatParameters): boolean {
  if (Object.keys(publisher).length === 0) return true
  return (publisher['sprop-stereo'] ?? publisher['stereo']) === '1'
}
