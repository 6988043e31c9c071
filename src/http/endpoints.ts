/** The WHIP and WHEP endpoints and their sessions (RFC 9725 section 4, draft-ietf-wish-whep section 4). */
import Router from '@koa/router'
import type { Context } from 'koa'
import type {
  CounterOfferedSession,
  IceRestart,
  OpenedSession,
  RemoteIceCredentials,
  SessionView,
} from '../streams/session.ts'
import { isStreamName, MAX_STREAM_NAME_LENGTH } from '../streams/stream-name.ts'
import { entityTagOf } from '../signalling/entity-tag.ts'
import { iceServerLink } from '../signalling/link-header.ts'
import { Problem } from '../signalling/problem.ts'
import type { ProblemCode } from '../signalling/problem.ts'
import { SDP_FRAGMENT_TYPE } from '../signalling/sdp-fragment.ts'
import type { AuthorizationRequest, Authorizer } from './authorizer.ts'
import { bearerTokenOf } from './authorizer.ts'
import type { IceServers } from './ice-servers.ts'
import { readBody } from './request-body.ts'
import { extensionLinks } from './viewer-extensions.ts'
import { checkPrecondition, parseFragment, requestedRestart, restartFragment } from './session-patch.ts'

export const SDP_TYPE = 'application/sdp' // RFC 8866 section 8.1

/** What the endpoints need of the streams. */
export interface Sessions {
  readonly shuttingDown: boolean
  publish(stream: string, offerSdp: string): OpenedSession
  play(stream: string, offerSdp: string): OpenedSession
  playByCounterOffer(stream: string): CounterOfferedSession
  completeCounterOffer(id: string, answerSdp: string): void
  find(id: string): SessionView | undefined
  restartIce(id: string, remote: RemoteIceCredentials): IceRestart | undefined
  end(id: string, reason: 'deleted'): boolean
}

export interface EndpointOptions {
  readonly sessions: Sessions
  readonly authorizer: Authorizer
  readonly maxOfferBytes: number
  readonly iceServers: IceServers
  /** Base URL of another gateway, for sessions that cannot be taken here. */
  readonly overloadRedirect: string | undefined
  /** Unix time in ms. */
  readonly unixTimeMs: () => number
  /** PATCH needs If-Match (RFC 9725 section 4.3.1). */
  readonly strict: boolean
}

interface Endpoint {
  readonly prefix: '/whip' | '/whep'
  readonly action: 'publish' | 'play'
  readonly role: SessionView['role']
}

const endpoints: readonly Endpoint[] = [
  { prefix: '/whip', action: 'publish', role: 'publisher' },
  { prefix: '/whep', action: 'play', role: 'viewer' },
]

/**
 * Sessions are at `/whip/{stream}/{id}` and `/whep/{stream}/{id}`: one segment more than any stream's name can have. Their URLs hold a random UUID and
 * are the right to end the session; so that clients which send no token on DELETE (older whip.js) can end theirs, none is asked for.
 */
export function sessionRoutes(options: EndpointOptions): Router {
  const router = new Router()
  for (const endpoint of endpoints) {
    const collection = `${endpoint.prefix}/:stream`
    const member = `${endpoint.prefix}/:stream/:session`

    router.post(collection, async (ctx) => {
      try {
        await openSession(ctx, endpoint, options)
      } catch (error) {
        if (options.overloadRedirect === undefined || !isOverload(error)) throw error
        // RFC 9725 section 4.5: 307 keeps method and body, which 301 and 302 do not.
        ctx.status = 307
        ctx.set('Location', `${options.overloadRedirect}${endpoint.prefix}/${streamNameOf(ctx)}`)
        ctx.body = ''
        ctx.remove('Content-Type')
      }
    })

    // RFC 9725 section 4.2: an endpoint has no representation, and GET succeeds without content. WHEP's type lets players discover it by HEAD.
    router.get(collection, (ctx) => {
      streamNameOf(ctx)
      succeedWithoutContent(ctx)
      if (endpoint.action === 'play') ctx.set('Content-Type', SDP_TYPE)
    })

    // A CORS preflight does not come here: it is answered before (RFC 9725 section 4.6 asks to tell it of no servers).
    router.options(collection, async (ctx) => {
      const stream = streamNameOf(ctx)
      const verdict = await options.authorizer.authorize(authorizationRequest(ctx, endpoint, stream))
      if (verdict === 'allowed') tellIceServers(ctx, stream, options)
      ctx.set('Allow', 'GET, HEAD, POST, OPTIONS')
      succeedWithoutContent(ctx)
    })

    router.get(member, (ctx) => {
      sessionOf(ctx, endpoint, options.sessions)
      succeedWithoutContent(ctx)
    })

    router.patch(member, async (ctx) => {
      await patchSession(ctx, endpoint, options)
    })

    router.delete(member, (ctx) => {
      options.sessions.end(sessionOf(ctx, endpoint, options.sessions).id, 'deleted')
      succeedWithoutContent(ctx) // 200 and no other: on 204 OBS warns and deletes again
    })
  }
  return router
}

const overloads: readonly ProblemCode[] = ['too-many-sessions', 'overloaded', 'shutting-down']

const isOverload = (error: unknown): boolean => error instanceof Problem && overloads.includes(error.code)

async function openSession(ctx: Context, endpoint: Endpoint, options: EndpointOptions): Promise<void> {
  const { sessions, authorizer, maxOfferBytes } = options
  const stream = streamNameOf(ctx)
  await authorize(ctx, endpoint, stream, authorizer)
  if (endpoint.role === 'viewer' && hasNoBody(ctx)) {
    sendCounterOffer(ctx, sessions.playByCounterOffer(stream), stream, options)
    return
  }
  const offer = await readBody(ctx, SDP_TYPE, maxOfferBytes)
  let opened: OpenedSession
  try {
    opened = endpoint.action === 'publish' ? sessions.publish(stream, offer) : sessions.play(stream, offer)
  } catch (error) {
    const mismatch = error instanceof Problem && error.code === 'codec-mismatch'
    if (!mismatch || !takesCounterOffers(ctx)) throw error
    sendCounterOffer(ctx, sessions.playByCounterOffer(stream), stream, options)
    return
  }
  ctx.status = 201
  const location = `${endpoint.prefix}/${stream}/${opened.id}`
  ctx.set('Location', location)
  ctx.set('ETag', entityTagOf(opened.localUfrag))
  tellIceServers(ctx, stream, options)
  if (endpoint.role === 'viewer') for (const link of extensionLinks(location)) ctx.append('Link', link)
  ctx.set('Content-Type', SDP_TYPE)
  ctx.body = Buffer.from(opened.answer) // bytes, so that Content-Length is sent: FFmpeg cannot read a chunked answer
}

const hasNoBody = (ctx: Context): boolean =>
  (ctx.request.length ?? 0) === 0 && ctx.get('Transfer-Encoding') === ''

/** Only where SDP is asked for by name: Eyevinn's player takes every 406 for the wish to have no audio. */
const takesCounterOffers = (ctx: Context): boolean =>
  /(^|,)\s*application\/sdp\s*(;|,|$)/i.test(ctx.get('Accept'))

/** draft-ietf-wish-whep section 4.3. */
function sendCounterOffer(
  ctx: Context,
  session: CounterOfferedSession,
  stream: string,
  options: EndpointOptions,
): void {
  const location = `/whep/${stream}/${session.id}`
  const validUntil = new Date(options.unixTimeMs() + session.validForMs).toUTCString()
  ctx.status = 406
  ctx.set('Location', location)
  ctx.set('ETag', entityTagOf(session.localUfrag))
  tellIceServers(ctx, stream, options)
  for (const link of extensionLinks(location)) ctx.append('Link', link)
  ctx.set('Content-Type', `${SDP_TYPE}; valid-until="${validUntil}"`)
  ctx.body = Buffer.from(session.offer)
}

/** One field line for each: OBS cannot read several in one. */
function tellIceServers(
  ctx: Context,
  stream: string,
  { iceServers, unixTimeMs }: Pick<EndpointOptions, 'iceServers' | 'unixTimeMs'>,
): void {
  for (const server of iceServers.forStream(stream, unixTimeMs())) ctx.append('Link', iceServerLink(server))
}

async function patchSession(
  ctx: Context,
  endpoint: Endpoint,
  { sessions, maxOfferBytes, strict }: EndpointOptions,
): Promise<void> {
  sessionOf(ctx, endpoint, sessions)
  if (endpoint.role === 'viewer' && ctx.is(SDP_TYPE) !== false && ctx.is(SDP_TYPE) !== null) {
    const answer = await readBody(ctx, SDP_TYPE, maxOfferBytes)
    sessions.completeCounterOffer(sessionOf(ctx, endpoint, sessions).id, answer)
    ctx.status = 204
    return
  }
  const body = await readBody(ctx, SDP_FRAGMENT_TYPE, maxOfferBytes)
  // Nothing below waits, so that requests which overlap take effect one behind the other, each on what the one before has left.
  const session = sessionOf(ctx, endpoint, sessions)
  checkPrecondition(ctx.get('If-Match'), session, strict)
  if (session.remoteUfrag === '')
    throw new Problem('no-counter-offer', 422, 'The counter-offer has to be answered first.')
  const remote = requestedRestart(parseFragment(body), session)
  const restart = remote && sessions.restartIce(session.id, remote)
  if (restart === undefined) {
    ctx.status = 204
    return
  }
  ctx.status = 200
  ctx.set('Content-Type', SDP_FRAGMENT_TYPE)
  ctx.set('ETag', entityTagOf(restart.ufrag))
  ctx.body = Buffer.from(restartFragment(restart))
}

const authorizationRequest = (ctx: Context, { action }: Endpoint, stream: string): AuthorizationRequest => ({
  action,
  stream,
  token: bearerTokenOf(ctx.get('Authorization')),
  remoteAddress: clientAddress(ctx),
})

async function authorize(
  ctx: Context,
  endpoint: Endpoint,
  stream: string,
  authorizer: Authorizer,
): Promise<void> {
  const request = authorizationRequest(ctx, endpoint, stream)
  const { action, token } = request
  const verdict = await authorizer.authorize(request)
  switch (verdict) {
    case 'allowed':
      return
    case 'unauthenticated':
      // RFC 6750 section 3.1: the error is only told to those who sent a token.
      ctx.set(
        'WWW-Authenticate',
        `Bearer realm="whipway"${token === undefined ? '' : ', error="invalid_token"'}`,
      )
      throw new Problem('unauthorized', 401, `A valid bearer token is needed to ${action} this stream.`)
    case 'forbidden':
      throw new Problem('forbidden', 403, `This token does not allow to ${action} this stream.`)
  }
}

/** An IPv4 client of a dual-stack socket shows as '::ffff:192.0.2.1' (RFC 4291 section 2.5.5.2). */
const clientAddress = (ctx: Context): string => ctx.ip.replace(/^::ffff:(?=\d+\.)/i, '')

function streamNameOf(ctx: Context & { params?: Record<string, string> }): string {
  const name = ctx.params?.['stream'] ?? ''
  if (isStreamName(name)) return name
  throw new Problem(
    'invalid-stream-name',
    400,
    `A stream's name has 1 to ${MAX_STREAM_NAME_LENGTH} characters of A-Z a-z 0-9 . _ ~ - and is neither "." nor "..".`,
  )
}

function sessionOf(
  ctx: Context & { params?: Record<string, string> },
  { role }: Endpoint,
  sessions: Sessions,
): SessionView {
  const session = sessions.find(ctx.params?.['session'] ?? '')
  if (session !== undefined && session.role === role && session.stream === ctx.params?.['stream'])
    return session
  throw new Problem('session-not-found', 404, 'There is no such session; it may have ended.')
}

/** 200 with `Content-Length: 0`, rather than Koa's own 204. */
function succeedWithoutContent(ctx: Context): void {
  ctx.body = ''
  ctx.status = 200
  ctx.remove('Content-Type')
}
