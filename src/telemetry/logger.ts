/** The logger: JSON lines for machines, coloured lines for a terminal. */
import { pino } from 'pino'
import type { Logger } from 'pino'
import pretty from 'pino-pretty'
import type { logLevels } from '../config/settings.ts'

export type { Logger }

/** Fields that must never be read in a log, wherever they turn up. Callers do not log them; this is the net under the rope. */
const secretFields = [
  'authorization',
  'token',
  'publishToken',
  'playToken',
  'password',
  'localPassword',
  'remotePassword',
  'sdp',
  'offer',
  'answer',
]

export interface LoggerOptions {
  readonly level: (typeof logLevels)[number]
  /** Coloured lines instead of JSON. */
  readonly terminal: boolean
  /** Where lines go instead of stdout; for tests. */
  readonly destination?: { write(line: string): void }
}

export function createLogger({ level, terminal, destination }: LoggerOptions): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: secretFields.flatMap((field) => [field, `*.${field}`]), censor: '[secret]' },
  }
  if (destination !== undefined) return pino(options, destination)
  // Written synchronously: what was logged before an exit must not be lost, and a gateway logs little.
  if (terminal) return pino(options, pretty({ sync: true, ignore: 'event', translateTime: 'SYS:HH:MM:ss.l' }))
  return pino(options, pino.destination({ fd: 1, sync: true }))
}
