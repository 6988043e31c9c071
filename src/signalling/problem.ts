/** The one error with which a request fails: a stable code, an HTTP status and words that are safe to show (RFC 9457). */

/** Stable machine-readable codes; each is documented in the README. */
export type ProblemCode =
  | 'unsupported-media-type' // 415
  | 'body-too-large' // 413
  | 'sdp-malformed' // 400
  | 'sdp-incomplete' // 400: parses, but lacks what every WebRTC offer needs (ICE credentials, fingerprint, bundle, rtcp-mux)
  | 'wrong-direction' // 422: recvonly offer to WHIP, sendonly offer to WHEP
  | 'unusable-media' // 422: no m-section that can be accepted; a codec or profile that is not supported; too many m-sections of a kind
  | 'codec-mismatch' // 422: a viewer's offer lacks the publisher's codec
  | 'ice-restart-unsupported' // 422: a PATCH with new ICE credentials of a client that is an ICE-lite agent too
  | 'precondition-failed' // 412: If-Match names another ICE session
  | 'precondition-required' // 428: a PATCH without If-Match, in strict mode
  | 'no-counter-offer' // 422: an answer where nothing was offered, or a fragment where the answer is still to come
  | 'no-publisher' // 409 + Retry-After
  | 'already-published' // 409
  | 'invalid-request' // 400: the JSON body of an extension
  | 'unknown-event' // 400
  | 'unknown-layer' // 422
  | 'too-many-subscriptions' // 429
  | 'session-not-found' // 404
  | 'not-found' // 404
  | 'method-not-allowed' // 405
  | 'invalid-stream-name' // 400
  | 'unauthorized' // 401
  | 'forbidden' // 403
  | 'too-many-sessions' // 503 + Retry-After
  | 'overloaded' // 503 + Retry-After
  | 'shutting-down' // 503 + Retry-After
  | 'internal-error' // 500

export interface ProblemOptions {
  /** Sent as `Retry-After`, in seconds. */
  readonly retryAfterSeconds?: number
  readonly cause?: unknown
}

export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly status: number
  /** Says what was wrong and what to do, in words; holds no secret and no internal detail. */
  readonly detail: string
  readonly retryAfterSeconds: number | undefined

  constructor(code: ProblemCode, status: number, detail: string, options: ProblemOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.status = status
    this.detail = detail
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}
