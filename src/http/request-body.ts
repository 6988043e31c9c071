/** Reads a request's body: the right media type, not encoded, not too long. */
import type { Context } from 'koa'
import getRawBody from 'raw-body'
import { Problem } from '../signalling/problem.ts'

/** @throws Problem 415, 413, or 400 when the body did not arrive whole. */
export async function readBody(ctx: Context, mediaType: string, maxBytes: number): Promise<string> {
  const contentType = ctx.get('Content-Type')
  if (mediaTypeOf(contentType) !== mediaType) {
    if (ctx.method === 'PATCH') ctx.set('Accept-Patch', mediaType) // RFC 5789 section 2.2
    const found = contentType === '' ? 'there is none' : 'it is another one'
    throw new Problem('unsupported-media-type', 415, `The Content-Type must be ${mediaType}; ${found}.`)
  }
  const encoding = ctx.get('Content-Encoding').trim().toLowerCase()
  if (encoding !== '' && encoding !== 'identity') {
    ctx.set('Accept-Encoding', 'identity') // RFC 9110 section 12.5.3: tells what made it a 415
    throw new Problem('unsupported-media-type', 415, 'The body must not be compressed (Content-Encoding).')
  }
  try {
    const declared = ctx.request.length
    const body = await getRawBody(ctx.req, {
      limit: maxBytes,
      ...(declared === undefined ? {} : { length: declared }),
    })
    return body.toString('utf8')
  } catch (error) {
    if (isRawBodyError(error) && error.type === 'entity.too.large') {
      throw new Problem('body-too-large', 413, `The body is longer than ${maxBytes} bytes.`, { cause: error })
    }
    throw new Problem('sdp-malformed', 400, 'The body did not arrive whole.', { cause: error })
  }
}

const isRawBodyError = (error: unknown): error is getRawBody.RawBodyError =>
  error instanceof Error && 'type' in error

/** Type and subtype in lower case, without parameters such as `charset` (RFC 9110 section 8.3.1). */
const mediaTypeOf = (contentType: string): string => (contentType.split(';')[0] ?? '').trim().toLowerCase()
