/** The built-in pages: a player at /watch/{stream} and a start page that names the addresses. */
import { readFileSync } from 'node:fs'
import Router from '@koa/router'
import type { Context } from 'koa'
import { isStreamName } from '../streams/stream-name.ts'

const assets = {
  'watch.js': 'text/javascript; charset=utf-8',
  'index.js': 'text/javascript; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
} as const

/** Nothing from elsewhere, nothing inline; media comes by WebRTC, which this does not govern. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  'media-src blob: mediastream:',
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

export function pageRoutes(): Router {
  const read = (file: string): Buffer => readFileSync(new URL(`../web/${file}`, import.meta.url))
  const router = new Router()

  const indexPage = read('index.html')
  router.get('/', (ctx) => sendPage(ctx, indexPage))

  const watchPage = read('watch.html')
  router.get('/watch/:stream', (ctx) => {
    if (isStreamName(ctx.params['stream'] ?? '')) sendPage(ctx, watchPage)
  })

  for (const [file, type] of Object.entries(assets)) {
    const content = read(file)
    router.get(`/assets/${file}`, (ctx) => send(ctx, content, type))
  }
  return router
}

function sendPage(ctx: Context, page: Buffer): void {
  ctx.set('Content-Security-Policy', contentSecurityPolicy)
  ctx.set('Referrer-Policy', 'no-referrer')
  send(ctx, page, 'text/html; charset=utf-8')
}

function send(ctx: Context, content: Buffer, type: string): void {
  ctx.set('X-Content-Type-Options', 'nosniff')
  ctx.set('Cache-Control', 'no-cache') // after an update of the gateway, pages and scripts must fit together
  ctx.body = content
  ctx.type = type
}
