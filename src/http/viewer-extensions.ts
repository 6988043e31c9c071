/**
 * The WHEP core extensions of a viewer's session: events (`.../sse`) and layer selection (`.../layer`). Their URLs stand below the session's, whose random
 * id is the right to use them.
 */
import { PassThrough } from 'node:stream'
import Router from '@koa/router'
import type { Context } from 'koa'
import { Problem } from '../signalling/problem.ts'
import type { EventReader, EventSubscription, ViewerEventType } from '../streams/event-subscription.ts'
import { viewerEventTypes } from '../streams/event-subscription.ts'
import type { LayerRequest } from '../streams/layer-selection.ts'
import { parseLayerRequest } from '../streams/layer-selection.ts'
import type { SessionView } from '../streams/session.ts'
import { readBody } from './request-body.ts'

const JSON_TYPE = 'application/json'
const EVENT_STREAM_TYPE = 'text/event-stream' // HTML standard section 9.2
/** Event names and layer requests are short. */
const MAX_BODY_BYTES = 4096
/** Proxies drop connections that are silent for a minute; a comment also shows that the reader has gone. */
const KEEP_ALIVE_INTERVAL_MS = 15_000
/** What a reader may leave unread; there is little to tell, so it has stopped reading. */
const MAX_UNREAD_BYTES = 65_536

/** What the extensions need of the streams. */
export interface ViewerExtensions {
  find(id: string): SessionView | undefined
  /** Undefined if there is no such viewer. */
  subscribe(session: string, types: readonly ViewerEventType[]): EventSubscription | undefined
  findSubscription(session: string, id: string): EventSubscription | undefined
  unsubscribe(session: string, id: string): boolean
  selectLayer(session: string, request: LayerRequest): void
}

/** For the 201 of a WHEP session: one Link for each extension (draft-ietf-wish-whep section 4.10). */
export function extensionLinks(sessionPath: string): readonly string[] {
  const extension = 'urn:ietf:params:whep:ext:core'
  return [
    `<${sessionPath}/sse>; rel="${extension}:server-sent-events"; events="${viewerEventTypes.join(',')}"`,
    `<${sessionPath}/layer>; rel="${extension}:layer"`,
  ]
}

export function viewerExtensionRoutes(sessions: ViewerExtensions): Router {
  const router = new Router()
  const member = '/whep/:stream/:session'

  router.post(`${member}/sse`, async (ctx) => {
    const body = await readJson(ctx)
    const subscription = sessions.subscribe(viewerOf(ctx, sessions).id, eventTypesOf(body))
    if (subscription === undefined) throw sessionNotFound()
    ctx.status = 201
    ctx.set('Location', `${ctx.path}/${subscription.id}`)
    ctx.body = ''
    ctx.remove('Content-Type')
  })

  router.get(`${member}/sse/:events`, (ctx) => {
    const subscription = sessions.findSubscription(viewerOf(ctx, sessions).id, ctx.params['events'] ?? '')
    if (subscription === undefined) throw subscriptionNotFound()
    sendEvents(ctx, subscription)
  })

  router.delete(`${member}/sse/:events`, (ctx) => {
    if (!sessions.unsubscribe(viewerOf(ctx, sessions).id, ctx.params['events'] ?? ''))
      throw subscriptionNotFound()
    ctx.status = 200
    ctx.body = ''
    ctx.remove('Content-Type')
  })

  router.post(`${member}/layer`, async (ctx) => {
    const request = parseLayerRequest(await readJson(ctx))
    sessions.selectLayer(viewerOf(ctx, sessions).id, request)
    ctx.status = 200
    ctx.body = ''
    ctx.remove('Content-Type')
  })
  return router
}

function viewerOf(
  ctx: Context & { params?: Record<string, string> },
  sessions: Pick<ViewerExtensions, 'find'>,
): SessionView {
  const session = sessions.find(ctx.params?.['session'] ?? '')
  if (session?.role === 'viewer' && session.stream === ctx.params?.['stream']) return session
  throw sessionNotFound()
}

const sessionNotFound = () =>
  new Problem('session-not-found', 404, 'There is no such session; it may have ended.')
const subscriptionNotFound = () =>
  new Problem('not-found', 404, 'There is no such event stream; it may have been deleted.')

/** Undefined for a request without a body. */
async function readJson(ctx: Context): Promise<unknown> {
  if ((ctx.request.length ?? 0) === 0 && ctx.get('Transfer-Encoding') === '') return undefined
  const text = await readBody(ctx, JSON_TYPE, MAX_BODY_BYTES)
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new Problem('invalid-request', 400, 'The body is not JSON.')
  }
}

/** All of them where none are named. */
function eventTypesOf(body: unknown): readonly ViewerEventType[] {
  if (body === undefined) return viewerEventTypes
  if (!Array.isArray(body))
    throw new Problem('invalid-request', 400, 'The body must be an array of event names.')
  return body.map((name: unknown) => {
    const type = viewerEventTypes.find((known) => known === name)
    if (type !== undefined) return type
    throw new Problem(
      'unknown-event',
      400,
      `There are the events ${viewerEventTypes.join(', ')}; another one was asked for.`,
    )
  })
}

function sendEvents(ctx: Context, subscription: EventSubscription): void {
  ctx.status = 200
  ctx.set('Content-Type', EVENT_STREAM_TYPE)
  ctx.set('Cache-Control', 'no-store')
  ctx.set('X-Accel-Buffering', 'no') // nginx would keep events until there are many
  if (ctx.method === 'HEAD') return
  const body = new PassThrough()
  const keepAlive = setInterval(() => body.write(':\n\n'), KEEP_ALIVE_INTERVAL_MS)
  const reader: EventReader = {
    event: ({ type, data }) => {
      if (body.writableLength > MAX_UNREAD_BYTES) body.destroy()
      else body.write(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`)
    },
    end: () => body.end(),
  }
  body.once('close', () => {
    clearInterval(keepAlive)
    subscription.release(reader)
  })
  body.once('finish', () => clearInterval(keepAlive))
  ctx.body = body
  ctx.set('Content-Type', EVENT_STREAM_TYPE) // a stream as body has made it application/octet-stream
  ctx.flushHeaders()
  subscription.read(reader)
}
