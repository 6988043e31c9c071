/** Tells load balancers and container engines whether new sessions can be opened here. */
import Router from '@koa/router'
import { Problem } from '../signalling/problem.ts'

export function healthRoutes(state: { readonly shuttingDown: boolean }): Router {
  const router = new Router()
  router.get('/healthz', (ctx) => {
    if (state.shuttingDown) throw new Problem('shutting-down', 503, 'The gateway is shutting down.')
    ctx.set('Cache-Control', 'no-store')
    ctx.body = { status: 'ok' }
  })
  return router
}
