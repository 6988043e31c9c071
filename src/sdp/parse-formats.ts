/**
 * Reads the payload types of an m-section: `a=rtpmap`, `a=fmtp` and `a=rtcp-fb` (RFC 8866 section 6.6, RFC
 * 4585 section 4.2).
 */
import type { MediaDescription } from 'sdp-transform'
import { parseFormatParameters } from './format-parameters.ts'
import { maxFeedbackLines, maxFormats } from './limits.ts'
import { checkLimit, malformed } from './offer-problem.ts'
import type { Format } from './offer.ts'

/**
 * Payload types with a fixed meaning (RFC 3551 section 6) that the gateway passes on; they need no
 * `a=rtpmap`.
 */
const staticEncodings: ReadonlyMap<number, string> = new Map([
  [0, 'PCMU/8000'],
  [8, 'PCMA/8000'],
  [9, 'G722/8000'],
])

/** The m-line's payload types that have an `a=rtpmap` or need none, in the order of preference. */
export function parseFormats(formatList: string, parsed: MediaDescription): Format[] {
  const payloadTypes = [...new Set(formatList.split(' ').filter((token) => token !== ''))]
  checkLimit(payloadTypes.length, maxFormats, 'payload types in an m-section')
  const feedbackLines = parsed.rtcpFb ?? []
  checkLimit(feedbackLines.length, maxFeedbackLines, 'a=rtcp-fb lines in an m-section')
  const encodings = new Map<string, string>()
  for (const { payload, codec, rate, encoding } of parsed.rtp) {
    const text = [codec, rate, encoding].filter((part) => part !== undefined).join('/')
    if (!encodings.has(String(payload))) encodings.set(String(payload), text)
  }
  const parameterTexts = new Map(parsed.fmtp.map(({ payload, config }) => [String(payload), String(config)]))
  const feedback = new Map<string, Set<string>>()
  for (const { payload, type, subtype } of feedbackLines) {
    const values = feedback.get(String(payload)) ?? new Set()
    values.add([type, subtype].filter((part) => part !== undefined).join(' '))
    feedback.set(String(payload), values)
  }
  return payloadTypes.flatMap((token) => {
    const payloadType = /^(?:0|[1-9]\d{0,2})$/.test(token) ? integer(Number(token), 0, 127) : undefined
    if (payloadType === undefined)
      throw malformed('an m-line names a payload type that is no number from 0 to 127')
    if (payloadType >= FIRST_RTCP_PAYLOAD_TYPE && payloadType <= LAST_RTCP_PAYLOAD_TYPE) return []
    const encoding = encodings.get(String(payloadType)) ?? staticEncodings.get(payloadType)
    const [, name, rate, channels] = /^([^/]{1,64})\/(\d{1,9})(?:\/(\d{1,3}))?$/.exec(encoding ?? '') ?? []
    if (encoding === undefined || name === undefined || rate === undefined) return []
    const parameters = parseFormatParameters(parameterTexts.get(String(payloadType)) ?? '')
    return {
      payloadType,
      encoding,
      name,
      clockRate: Number(rate),
      channels: Number(channels ?? 1),
      parameters,
      feedback: new Set([...(feedback.get('*') ?? []), ...(feedback.get(String(payloadType)) ?? [])]),
    }
  })
}

/** With RTP and RTCP on one port, a packet of these with its marker set would be taken for RTCP (RFC 5761 section 4). */
const FIRST_RTCP_PAYLOAD_TYPE = 64
const LAST_RTCP_PAYLOAD_TYPE = 95

/** sdp-transform's types promise numbers; what it gives for a missing or overlong one is something else. */
export function integer(value: unknown, minimum: number, maximum: number): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum
    ? value
    : undefined
}
