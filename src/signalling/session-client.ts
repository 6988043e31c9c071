/** The client's half of WHIP (RFC 9725 section 4) and WHEP: one POST opens a session, one DELETE ends it. */

/** An answer or a DELETE that takes longer has failed; OBS gives up after the same time. */
const requestTimeoutMs = 8_000

export interface OpenSessionOptions {
  /** The WHIP or WHEP endpoint. */
  readonly url: string
  /** The SDP offer. */
  readonly offer: string
  /** Bearer token (RFC 6750). */
  readonly token?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface ClientSession {
  /** The SDP answer. */
  readonly answer: string
  /** The session's own URL, absolute. */
  readonly url: string
  /** The first ICE session's entity tag, where the server gave one. */
  readonly entityTag: string | undefined
  /** Sends DELETE. Throws `SessionRequestError`, except where the server has already forgotten the session (404). */
  end(): Promise<void>
}

/** The server refused: `status`, and the problem details (RFC 9457) where it sent them. */
export class SessionRequestError extends Error {
  override readonly name = 'SessionRequestError'
  readonly status: number
  readonly code: string | undefined
  readonly retryAfterSeconds: number | undefined

  constructor(message: string, response: Response, code: string | undefined) {
    super(message)
    this.status = response.status
    this.code = code
    const retryAfter = Number(response.headers.get('retry-after') ?? NaN)
    this.retryAfterSeconds = Number.isFinite(retryAfter) ? retryAfter : undefined
  }
}

/** Posts the offer. Throws `SessionRequestError` when it is refused, and what `fetch` throws when no answer came. */
export async function openSession({ url, offer, token, signal }: OpenSessionOptions): Promise<ClientSession> {
  const authorization: Record<string, string> =
    token === undefined ? {} : { authorization: `Bearer ${token}` }
  const timeout = AbortSignal.timeout(requestTimeoutMs)
  const response = await fetch(url, {
    method: 'POST',
    // No Accept that names SDP: it would ask for a counter-offer (406) where the offer does not fit, which is not answered here.
    headers: { 'content-type': 'application/sdp', ...authorization },
    body: offer,
    signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
  })
  if (response.status !== 201) throw await describeRefusal('POST', response)
  const location = response.headers.get('location')
  if (location === null) throw new SessionRequestError('the 201 has no Location', response, undefined)
  const sessionUrl = new URL(location, response.url).href
  return {
    answer: await response.text(),
    url: sessionUrl,
    entityTag: response.headers.get('etag') ?? undefined,
    async end() {
      const deletion = await fetch(sessionUrl, {
        method: 'DELETE',
        headers: authorization,
        signal: AbortSignal.timeout(requestTimeoutMs),
      })
      if (!deletion.ok && deletion.status !== 404) throw await describeRefusal('DELETE', deletion)
      await deletion.body?.cancel()
    },
  }
}

async function describeRefusal(method: string, response: Response): Promise<SessionRequestError> {
  const body = await response.text()
  const problem = parseProblem(body)
  const words = problem?.detail ?? body.slice(0, 200)
  return new SessionRequestError(
    `${method} was answered ${response.status}: ${words}`,
    response,
    problem?.code,
  )
}

function parseProblem(body: string): { code: string | undefined; detail: string | undefined } | undefined {
  try {
    const parsed: unknown = JSON.parse(body)
    if (typeof parsed !== 'object' || parsed === null) return undefined
    const code = 'code' in parsed && typeof parsed.code === 'string' ? parsed.code : undefined
    const detail = 'detail' in parsed && typeof parsed.detail === 'string' ? parsed.detail : undefined
    return { code, detail }
  } catch {
    return undefined
  }
}
