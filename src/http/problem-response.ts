/** The one place where errors become responses: problem details by RFC 9457. */
import { STATUS_CODES } from 'node:http'
import type { Context, Middleware } from 'koa'
import { Problem } from '../signalling/problem.ts'
import type { Logger } from '../telemetry/logger.ts'

export function problemResponses(logger: Logger): Middleware {
  return async (ctx, next) => {
    try {
      await next()
      refuseUnanswered(ctx)
    } catch (error) {
      respond(ctx, problemOf(error, logger))
    }
  }
}

/** The router leaves 404, 405 and 501 without a body; they get one like all other errors. */
function refuseUnanswered(ctx: Context): void {
  if (ctx.body !== undefined && ctx.body !== null) return
  if (ctx.status === 404) throw new Problem('not-found', 404, 'There is nothing at this address.')
  if (ctx.status === 405 || ctx.status === 501) {
    throw new Problem('method-not-allowed', 405, `${ctx.method} is not possible here; see the Allow header.`)
  }
}

function problemOf(error: unknown, logger: Logger): Problem {
  if (error instanceof Problem) {
    if (error.status >= 500 && error.code === 'internal-error')
      logger.error({ event: 'request-failed', err: error }, error.detail)
    return error
  }
  logger.error({ event: 'request-failed', err: error }, 'a request failed by a defect')
  return new Problem('internal-error', 500, 'Something went wrong inside the gateway; its log says what.')
}

function respond(ctx: Context, problem: Problem): void {
  ctx.status = problem.status
  if (problem.retryAfterSeconds !== undefined) ctx.set('Retry-After', String(problem.retryAfterSeconds))
  ctx.body = JSON.stringify({
    type: 'about:blank', // RFC 9457 section 4.2.1: the title is then that of the status; `code` says more
    title: STATUS_CODES[problem.status] ?? 'Error',
    status: problem.status,
    code: problem.code,
    detail: problem.detail,
  })
  ctx.type = 'application/problem+json'
}
