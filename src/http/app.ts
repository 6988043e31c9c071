/** The whole HTTP interface, put together. */
import Koa from 'koa'
import type { Logger } from '../telemetry/logger.ts'
import { acceptPost, cors } from './cors.ts'
import type { EndpointOptions, Sessions } from './endpoints.ts'
import { SDP_TYPE, sessionRoutes } from './endpoints.ts'
import { healthRoutes } from './health.ts'
import { pageRoutes } from './pages.ts'
import { problemResponses } from './problem-response.ts'
import type { ViewerExtensions } from './viewer-extensions.ts'
import { viewerExtensionRoutes } from './viewer-extensions.ts'

export interface AppOptions extends EndpointOptions {
  readonly sessions: Sessions & ViewerExtensions
  readonly logger: Logger
}

export function createApp({ logger, ...options }: AppOptions): Koa {
  const app = new Koa()
  // What gets past the error sink is a broken connection while an answer is sent.
  app.on('error', (error: unknown) =>
    logger.debug({ event: 'response-failed', err: error }, 'a response could not be sent'),
  )
  app.use(acceptPost(SDP_TYPE))
  app.use(cors())
  app.use(problemResponses(logger))
  const { sessions } = options
  for (const router of [
    sessionRoutes(options),
    viewerExtensionRoutes(sessions),
    pageRoutes(),
    healthRoutes(sessions),
  ]) {
    app.use(router.routes())
    app.use(router.allowedMethods())
  }
  return app
}
