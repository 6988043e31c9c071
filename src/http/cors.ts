/** Lets pages of any origin publish and play (RFC 9725 section 4.2, Fetch standard): the token, not the origin, is what protects a stream. */
import koaCors from '@koa/cors'
import type { Middleware } from 'koa'

/** Browsers cap it: Chromium at two hours. */
const PREFLIGHT_MAX_AGE_SECONDS = 7200

/** Named one by one: '*' would not cover Authorization. */
const allowedHeaders = ['Authorization', 'Content-Type', 'If-Match', 'If-None-Match', 'Accept']
const exposedHeaders = [
  'Location',
  'ETag',
  'Link',
  'Retry-After',
  'WWW-Authenticate',
  'Accept-Post',
  'Accept-Patch',
  'Allow',
]

export function cors(): Middleware {
  const policy = koaCors({
    origin: '*',
    allowMethods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE', 'OPTIONS'],
    allowHeaders: allowedHeaders,
    exposeHeaders: exposedHeaders,
    maxAge: PREFLIGHT_MAX_AGE_SECONDS,
    privateNetworkAccess: true,
  })
  return async (ctx, next) => {
    await policy(ctx, next)
    // @koa/cors says nothing to an OPTIONS request that is no preflight; pages send those too, to learn of ICE servers before they offer.
    if (ctx.method !== 'OPTIONS' || ctx.get('Access-Control-Request-Method') !== '') return
    ctx.set('Access-Control-Allow-Origin', '*')
    ctx.set('Access-Control-Expose-Headers', exposedHeaders.join(','))
  }
}

/** RFC 9725 section 4.2: the 200 to every OPTIONS request says what may be posted. */
export const acceptPost =
  (mediaType: string): Middleware =>
  async (ctx, next) => {
    await next()
    if (ctx.method !== 'OPTIONS' || !/^\/wh[ie]p\/[^/]+$/.test(ctx.path) || ctx.status >= 300) return
    ctx.body = ''
    ctx.status = 200
    ctx.remove('Content-Type')
    ctx.set('Accept-Post', mediaType)
  }
