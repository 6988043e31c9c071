/** Lets pages of any origin publish and play (RFC 9725 section 4.2, Fetch standard): the token, not the origin, is what protects a stream. */
import koaCors from '@koa/cors'
import type { Middleware } from 'koa'

/** Browsers cap it: Chromium at two hours. */
const PREFLIGHT_MAX_AGE_SECONDS = 7200

export const cors = (): Middleware =>
  koaCors({
    origin: '*',
    allowMethods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE', 'OPTIONS'],
    // Named one by one: '*' would not cover Authorization.
    allowHeaders: ['Authorization', 'Content-Type', 'If-Match', 'If-None-Match', 'Accept'],
    exposeHeaders: [
      'Location',
      'ETag',
      'Link',
      'Retry-After',
      'WWW-Authenticate',
      'Accept-Post',
      'Accept-Patch',
      'Allow',
    ],
    maxAge: PREFLIGHT_MAX_AGE_SECONDS,
    privateNetworkAccess: true,
  })

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
