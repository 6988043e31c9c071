/** What a check works with: a client of one endpoint that opens sessions, and ends all of them when the check is over. */
import type { Description } from './description.ts'
import { acceptedMedia, inheritedAttributeOf, readDescription, udpCandidatesOf } from './description.ts'
import type { HttpAnswer, HttpRequest } from './http-exchange.ts'
import { exchange, isClientError, isSuccess, mediaTypeOf } from './http-exchange.ts'
import type { IceCredentials, OfferOptions } from './offers.ts'
import { newIceCredentials, usableCandidate, writeFragment, writeOffer } from './offers.ts'
import type { Protocol } from './rule.ts'
import { NotApplicable, NotTestable } from './rule.ts'
import type { CheckResult } from './stun-probe.ts'
import { sendCheck } from './stun-probe.ts'

export const SDP = 'application/sdp'
export const FRAGMENT = 'application/trickle-ice-sdpfrag'
/** The origin that the checks pretend to come from. */
export const ORIGIN = 'https://conformance.example'
const MAX_REDIRECTS = 5

export interface Target {
  readonly whip?: string
  readonly whep?: string
  /** A WHEP endpoint without a publisher; by default made from `whep` with another last segment. */
  readonly idleWhep?: string
  readonly token?: string
  readonly playToken?: string
}

export interface OpenSession {
  readonly created: HttpAnswer
  readonly url: string
  readonly offer: Description
  readonly answer: Description
  /** What we told the server. */
  readonly ice: IceCredentials
}

export interface Attempt {
  readonly answer: HttpAnswer
  readonly ice: IceCredentials
  readonly offer: string
}

export type PatchOptions = { readonly ifMatch?: string; readonly type?: string }

export class Bench {
  readonly protocol: Protocol
  readonly endpoint: string
  readonly target: Target
  /** Every redirect that an endpoint gave. */
  readonly redirects: HttpAnswer[] = []
  readonly #opened = new Set<string>()
  #isOver = false

  constructor(protocol: Protocol, target: Target) {
    this.protocol = protocol
    this.target = target
    this.endpoint = (protocol === 'whip' ? target.whip : target.whep) ?? ''
  }

  get token(): string | undefined {
    return this.protocol === 'whip' ? this.target.token : this.target.playToken
  }

  /** The direction of an ordinary client's offer, and of the answer. */
  get offered(): 'sendonly' | 'recvonly' {
    return this.protocol === 'whip' ? 'sendonly' : 'recvonly'
  }
  get answered(): 'sendonly' | 'recvonly' {
    return this.protocol === 'whip' ? 'recvonly' : 'sendonly'
  }

  /** With the token, unless the headers say something else; an empty Authorization header sends none. */
  request(request: HttpRequest, token = this.token): Promise<HttpAnswer> {
    const headers = {
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      ...request.headers,
    }
    return exchange({ ...request, headers })
  }

  /** POSTs to an endpoint, follows redirects, and remembers what it opened. Without a live stream it tries to publish one itself. */
  async post(
    body: string,
    headers: Record<string, string> = {},
    endpoint = this.endpoint,
  ): Promise<HttpAnswer> {
    const answer = await this.#postOnce(body, headers, endpoint)
    const lacksPublisher = this.protocol === 'whep' && answer.status === 409 && endpoint === this.endpoint
    if (!lacksPublisher || !(await this.#publish())) return answer
    return this.#postOnce(body, headers, endpoint)
  }

  async #postOnce(body: string, headers: Record<string, string>, endpoint: string, token = this.token) {
    let url = endpoint
    for (let hops = 0; ; hops++) {
      const answer = await this.request(
        { method: 'POST', url, body, headers: { 'Content-Type': SDP, ...headers } },
        token,
      )
      const location = answer.header('Location')
      if (answer.status >= 300 && answer.status < 400 && location !== undefined && hops < MAX_REDIRECTS) {
        this.redirects.push(answer)
        url = new URL(location, url).href
        continue
      }
      if (location !== undefined && (isSuccess(answer) || answer.status === 406))
        this.#remember(location, answer, token)
      return answer
    }
  }

  /** A session of the other protocol's endpoint, where that is given: enough for servers that let viewers in before media flows. */
  async #publish(): Promise<boolean> {
    if (this.target.whip === undefined) return false
    const offer = writeOffer({ direction: 'sendonly', ice: newIceCredentials() })
    return isSuccess(await this.#postOnce(offer, {}, this.target.whip, this.target.token))
  }

  #remember(location: string, answer: HttpAnswer, token: string | undefined): void {
    if (!URL.canParse(location, answer.request.url)) return
    this.#opened.add(`${token ?? ''} ${new URL(location, answer.request.url).href}`)
    if (this.#isOver) void this.cleanUp()
  }

  /** An offer that a client could send, and what came back. */
  async attempt(options: Partial<OfferOptions> = {}, headers: Record<string, string> = {}): Promise<Attempt> {
    const ice = options.ice ?? newIceCredentials()
    const offer = writeOffer({ direction: this.offered, ...options, ice })
    return { answer: await this.post(offer, headers), ice, offer }
  }

  /** @throws NotTestable when an ordinary offer opens no session. */
  async open(
    options: Partial<OfferOptions> = {},
    headers: Record<string, string> = {},
  ): Promise<OpenSession> {
    const { answer: created, ice, offer } = await this.attempt(options, headers)
    if (created.status !== 201) throw new NotTestable(whyNoSession(this.protocol, created))
    const location = created.header('Location')
    const answer = readDescription(created.body)
    const offered = readDescription(offer)
    if (location === undefined || !URL.canParse(location, created.request.url))
      throw new NotTestable(`the 201 has no usable Location (${location ?? 'none'})`)
    if (answer === undefined || offered === undefined) throw new NotTestable('the 201 holds no SDP')
    return { created, url: new URL(location, created.request.url).href, offer: offered, answer, ice }
  }

  patch(session: { readonly url: string }, body: string, { ifMatch, type = FRAGMENT }: PatchOptions = {}) {
    const condition = ifMatch === undefined ? {} : { 'If-Match': ifMatch }
    return this.request({
      method: 'PATCH',
      url: session.url,
      body,
      headers: { 'Content-Type': type, ...condition },
    })
  }

  /** Trickles as the specification wants it, with the newest entity-tag. */
  trickle(session: OpenSession, candidates = [usableCandidate]): Promise<HttpAnswer> {
    const ifMatch = session.created.header('ETag')
    return this.patch(
      session,
      writeFragment(session.ice, candidates),
      ifMatch === undefined ? {} : { ifMatch },
    )
  }

  /** @throws NotApplicable when the session takes no candidates. */
  async openTrickling(options: Partial<OfferOptions> = {}): Promise<OpenSession> {
    const session = await this.open(options)
    const answer = await this.trickle(session)
    if (isClientError(answer) || answer.status === 501)
      throw new NotApplicable(`trickle ICE is not supported: ${describe(answer)}`)
    return session
  }

  restart(session: OpenSession, ice = newIceCredentials(), ifMatch = '*'): Promise<HttpAnswer> {
    return this.patch(session, writeFragment(ice, [usableCandidate]), { ifMatch })
  }

  /** @throws NotApplicable when the session cannot restart ICE. */
  async openAndRestart(): Promise<{ session: OpenSession; restarted: HttpAnswer; ice: IceCredentials }> {
    const session = await this.open()
    const ice = newIceCredentials()
    const restarted = await this.restart(session, ice)
    if (isClientError(restarted) || restarted.status === 501)
      throw new NotApplicable(`ICE restarts are not supported: ${describe(restarted)}`)
    return { session, restarted, ice }
  }

  remove(session: { readonly url: string }, headers: Record<string, string> = {}): Promise<HttpAnswer> {
    return this.request({ method: 'DELETE', url: session.url, headers })
  }

  /** A connectivity check with the session's credentials, or with others. */
  check(session: OpenSession, remote: Partial<IceCredentials> = {}): Promise<CheckResult> {
    const candidates = udpCandidatesOf(session.answer)
    if (candidates.length === 0) throw new NotTestable('the answer has no UDP candidate')
    const own = remoteIceOf(session)
    if (own === undefined) throw new NotTestable('the answer has no ICE credentials')
    return sendCheck({ candidates, remote: { ...own, ...remote }, localUfrag: session.ice.ufrag })
  }

  /** Ends every session that the check has opened, also one whose 201 comes after the check has been given up. What cannot be ended has ended already, or is the subject of another rule. */
  async cleanUp(): Promise<void> {
    this.#isOver = true
    const opened = [...this.#opened].reverse()
    this.#opened.clear()
    for (const entry of opened) {
      const [token = '', url = ''] = entry.split(' ')
      await this.request({ method: 'DELETE', url }, token === '' ? undefined : token).catch(() => undefined)
    }
  }
}

export function remoteIceOf({ answer }: OpenSession): IceCredentials | undefined {
  const [section] = acceptedMedia(answer)
  if (section === undefined) return undefined
  const ufrag = inheritedAttributeOf(answer, section, 'ice-ufrag')
  const password = inheritedAttributeOf(answer, section, 'ice-pwd')
  return ufrag === undefined || password === undefined ? undefined : { ufrag, password }
}

/** An answer in one line, for people. */
export function describe(answer: HttpAnswer): string {
  const words = answer.body.replaceAll(/\s+/g, ' ').trim().slice(0, 160)
  const type = mediaTypeOf(answer)
  const body = words === '' ? 'no content' : `${type === '' ? 'content' : type}: ${words}`
  return `${answer.request.method} was answered ${answer.status}, ${body}`
}

function whyNoSession(protocol: Protocol, answer: HttpAnswer): string {
  if (answer.status === 401 || answer.status === 403) return `a token is needed: ${describe(answer)}`
  const live = protocol === 'whep' && [404, 409].includes(answer.status)
  return `${live ? 'nothing is live there, publish something first' : 'no session'}: ${describe(answer)}`
}
