/** The ways in which a session is refused for want of something on our side, with the time after which to ask again. */
import type { StreamName } from '../media/contract.ts'
import { Problem } from '../signalling/problem.ts'

/** A viewer that asks again after so long finds a publisher that has meanwhile sent its offer; a busy page of viewers is no load. */
const NO_PUBLISHER_RETRY_SECONDS = 2
/** Sessions come and go over minutes; asking more often only adds load. */
const FULL_RETRY_SECONDS = 10
const SHUTDOWN_RETRY_SECONDS = 5

export const noPublisher = (name: StreamName): Problem =>
  new Problem('no-publisher', 409, `Nobody publishes the stream "${name}" at the moment; try again later.`, {
    retryAfterSeconds: NO_PUBLISHER_RETRY_SECONDS,
  })

export const streamFull = (name: StreamName): Problem =>
  new Problem('too-many-sessions', 503, `The stream "${name}" has as many viewers as it may have.`, {
    retryAfterSeconds: FULL_RETRY_SECONDS,
  })

export const gatewayFull = (): Problem =>
  new Problem('too-many-sessions', 503, 'The gateway has as many sessions as it may have.', {
    retryAfterSeconds: FULL_RETRY_SECONDS,
  })

export const overloaded = (): Problem =>
  new Problem('overloaded', 503, 'The gateway sends as much as it may send.', {
    retryAfterSeconds: FULL_RETRY_SECONDS,
  })

export const shuttingDown = (): Problem =>
  new Problem('shutting-down', 503, 'The gateway is shutting down.', {
    retryAfterSeconds: SHUTDOWN_RETRY_SECONDS,
  })
