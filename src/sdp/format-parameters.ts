/**
 * Format parameters of `a=fmtp` (RFC 8866 section 6.15), which nearly every payload format writes as
 * `name=value;...`.
 */
import { maxFormatParameters } from './limits.ts'
import { checkLimit } from './offer-problem.ts'
import type { FormatParameters } from './offer.ts'

/**
 * The first of two parameters with the same name counts. @throws Problem 'sdp-malformed' beyond
 * `maxFormatParameters`.
 */
export function parseFormatParameters(text: string): FormatParameters {
  const parts = text.split(';')
  checkLimit(parts.length, maxFormatParameters, 'parameters in an a=fmtp line')
  const parameters = new Map<string, string>()
  for (const part of parts) {
    const [name = '', ...value] = part.split('=')
    const key = name.trim().toLowerCase()
    if (key !== '' && !parameters.has(key)) parameters.set(key, value.join('=').trim())
  }
  return Object.fromEntries(parameters)
}

/** Returns '' for no parameters, in which case there is no `a=fmtp` line to write. */
export function formatParametersText(parameters: FormatParameters): string {
  return Object.entries(parameters)
    .map(([name, value]) => (value === '' ? name : `${name}=${value}`))
    .join(';')
}
