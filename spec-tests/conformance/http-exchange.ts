/** One HTTP request and its whole answer, as they are on the wire: bounded in time and size, no redirects followed, nothing hidden. */
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'

/** A WHIP client gives up after 8 s (OBS); a server that needs longer has failed. */
export const REQUEST_TIMEOUT_MS = 8_000
/** The longest answers of real servers are some 20 KiB. */
const MAX_BODY_BYTES = 1024 * 1024

export interface HttpRequest {
  readonly method: string
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Ends the answer early without an error: for event streams, which have no end of their own. */
  readonly enough?: (bodySoFar: string) => boolean
  readonly timeoutMs?: number
}

export interface HttpAnswer {
  readonly request: HttpRequest
  readonly status: number
  readonly body: string
  /** The first header of that name; names are case-insensitive. */
  header(name: string): string | undefined
  /** Every header line of that name, in order. */
  headerLines(name: string): readonly string[]
}

/** @throws Error with words for people when there is no complete answer in time. */
export function exchange(wanted: HttpRequest): Promise<HttpAnswer> {
  const { method, url, body, headers = {}, timeoutMs = REQUEST_TIMEOUT_MS } = wanted
  const what = `${method} ${url}`
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }
    const send = url.startsWith('https:') ? requestHttps : requestHttp
    const message = send(url, { method, headers: { ...length, ...headers }, agent: false })
    const finish = (settle: () => void) => {
      clearTimeout(timer)
      settle()
      message.destroy()
    }
    const fail = (reason: string) => finish(() => reject(new Error(`${what}: ${reason}`)))
    const timer = setTimeout(() => fail(`no complete answer within ${timeoutMs} ms`), timeoutMs)
    message.on('error', (error) => fail(error.message))
    message.on('response', (response) => {
      let text = ''
      const done = () =>
        finish(() => resolve(readAnswer(wanted, response.statusCode ?? 0, response.rawHeaders, text)))
      response.setEncoding('utf8')
      response.on('error', (error) => fail(error.message))
      response.on('data', (chunk: string) => {
        text += chunk
        if (text.length > MAX_BODY_BYTES) fail(`an answer of more than ${MAX_BODY_BYTES} bytes`)
        else if (wanted.enough?.(text) === true) done()
      })
      response.on('end', done)
    })
    message.end(body)
  })
}

function readAnswer(
  request: HttpRequest,
  status: number,
  rawHeaders: readonly string[],
  body: string,
): HttpAnswer {
  const headerLines = (name: string) =>
    rawHeaders.filter(
      (_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name.toLowerCase(),
    )
  return { request, status, body, headerLines, header: (name) => headerLines(name)[0] }
}

/** `application/sdp` of `application/sdp; charset=utf-8`; the empty string without a header. */
export const mediaTypeOf = (answer: HttpAnswer): string =>
  (answer.header('Content-Type') ?? '').split(';')[0]?.trim().toLowerCase() ?? ''

export const isSuccess = ({ status }: HttpAnswer): boolean => status >= 200 && status < 300
export const isClientError = ({ status }: HttpAnswer): boolean => status >= 400 && status < 500

export interface Link {
  readonly url: string
  readonly rel: string
  readonly parameters: ReadonlyMap<string, string>
}

/** RFC 8288 section 3: the links of all Link header lines, with how many links each line holds; undefined for a malformed line. */
export function readLinks(answer: HttpAnswer): { links: Link[]; malformed: string[]; perLine: number[] } {
  const links: Link[] = []
  const malformed: string[] = []
  const perLine: number[] = []
  for (const line of answer.headerLines('Link')) {
    const before = links.length
    let rest = line.trim()
    while (rest !== '') {
      const match =
        /^<([^>]*)>((?:\s*;\s*[^\s=;,"]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]*))?)*)\s*(?:,\s*|$)/.exec(
          rest,
        )
      if (match === null) {
        malformed.push(line)
        break
      }
      const parameters = new Map<string, string>()
      for (const [, name = '', quoted, plain] of (match[2] ?? '').matchAll(
        /;\s*([^\s=;,"]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?/g,
      ))
        parameters.set(name.toLowerCase(), quoted ?? plain ?? '')
      links.push({ url: match[1] ?? '', rel: parameters.get('rel') ?? '', parameters })
      rest = rest.slice(match[0].length)
    }
    perLine.push(links.length - before)
  }
  return { links, malformed, perLine }
}
