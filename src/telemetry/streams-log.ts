/** Puts what happens to streams and to the media wing into the log, in words and fields. */
import type { EndReason, MediaEvent } from '../media/contract.ts'
import type { SessionView, StreamsEvent } from '../streams/session.ts'
import type { Logger } from './logger.ts'

/** Ends that somebody should look at; the others are the usual course of things. */
const troublesome = new Set<EndReason>(['connect-timeout', 'dtls-failed', 'internal-error'])

const fieldsOf = (session: SessionView) => ({
  session: session.id,
  stream: session.stream,
  role: session.role,
})

export function logStreamsEvent(logger: Logger, event: StreamsEvent): void {
  const { type } = event
  switch (type) {
    case 'session-opened':
      return logger.info(
        { event: type, ...fieldsOf(event.session) },
        `${event.session.role} of ${event.session.stream} opened`,
      )
    case 'session-connected':
      return logger.info(
        {
          event: type,
          ...fieldsOf(event.session),
          remoteAddress: event.remoteAddress,
          srtpProfile: event.srtpProfile,
        },
        `${event.session.role} of ${event.session.stream} connected`,
      )
    case 'ice-restarted':
      return logger.info(
        { event: type, ...fieldsOf(event.session) },
        `${event.session.role} of ${event.session.stream} restarted ICE`,
      )
    case 'first-packet':
      return logger.debug(
        { event: type, ...fieldsOf(event.session), afterMs: Math.round(event.afterMs) },
        `first packet of ${event.session.role} of ${event.session.stream}`,
      )
    case 'session-ended': {
      const level = troublesome.has(event.reason) ? 'warn' : 'info'
      return logger[level](
        {
          event: type,
          ...fieldsOf(event.session),
          reason: event.reason,
          detail: event.detail,
          lastedMs: Math.round(event.lastedMs),
        },
        `${event.session.role} of ${event.session.stream} ended: ${event.reason}`,
      )
    }
    case 'publisher-awaited':
      return logger.info(
        { event: type, stream: event.stream, viewers: event.viewers, forMs: event.forMs },
        `${event.viewers} viewers of ${event.stream} wait for its next publisher`,
      )
    case 'publisher-resumed':
      return logger.info(
        { event: type, stream: event.stream, viewers: event.viewers },
        `${event.viewers} viewers of ${event.stream} go on with its new publisher`,
      )
    case 'stream-ended':
      return logger.info({ event: type, stream: event.stream }, `${event.stream} ended`)
  }
}

/** The media wing's own words. Its session events come through the streams. */
export function logMediaEvent(logger: Logger, event: MediaEvent): void {
  if (event.type !== 'log') return
  logger[event.level]({ event: 'media', ...event.details }, event.message)
}
