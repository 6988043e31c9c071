/**
 * Which RTCP feedback an answer takes: the offered kinds that are understood (RFC 4585 section 4.2, RFC 5104
 * section 7).
 */
import type { Feedback } from '../media/contract.ts'
import type { AnsweredExtension, GatewayRole } from './header-extensions.ts'
import type { Format } from './offer.ts'

const feedbackValues = {
  nack: 'nack',
  pli: 'nack pli',
  fir: 'ccm fir',
  transportCc: 'transport-cc',
  remb: 'goog-remb',
} as const satisfies Record<keyof Feedback, string>

/**
 * @param extensions what the same m-section's answer accepts: transport-wide feedback is about numbers that
 * one of them carries.
 */
export function negotiateFeedback(
  format: Format,
  extensions: readonly AnsweredExtension[],
  role: GatewayRole,
): Feedback {
  const numbered = extensions.some(({ name }) => name === 'transportWideCc')
  const transportCc = numbered && format.feedback.has(feedbackValues.transportCc)
  return {
    nack: format.feedback.has(feedbackValues.nack),
    pli: format.feedback.has(feedbackValues.pli),
    fir: format.feedback.has(feedbackValues.fir),
    transportCc,
    // A publisher that estimates for itself would take REMB as one more cap.
    remb: format.feedback.has(feedbackValues.remb) && !(role === 'receive' && transportCc),
  }
}

/** The `a=rtcp-fb` values of what was taken. */
export function feedbackText(feedback: Feedback): string[] {
  return (['nack', 'pli', 'fir', 'transportCc', 'remb'] as const)
    .filter((kind) => feedback[kind])
    .map((kind) => feedbackValues[kind])
}
