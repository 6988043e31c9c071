/** The control wing by itself: real HTTP, SDP and streams, with a media wing that only notes what it is told and a clock turned by hand. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createApp } from '../../src/http/app.ts'
import type { Authorizer } from '../../src/http/authorizer.ts'
import { staticTokenAuthorizer } from '../../src/http/authorizer.ts'
import type { IceServers } from '../../src/http/ice-servers.ts'
import { noIceServers } from '../../src/http/ice-servers.ts'
import type { EndReason, MediaCommand, MediaEvent } from '../../src/media/contract.ts'
import type { Clock } from '../../src/streams/clock.ts'
import type { Chance } from '../../src/streams/credentials.ts'
import type { StreamsEvent } from '../../src/streams/session.ts'
import type { StreamLimits } from '../../src/streams/stream-registry.ts'
import { StreamRegistry } from '../../src/streams/stream-registry.ts'
import { createLogger } from '../../src/telemetry/logger.ts'
import { createRandom } from './random.ts'

export interface HandClock extends Clock {
  advance(ms: number): void
  /** Actions that are still to come. */
  pending(): number
}

export function handClock(): HandClock {
  let nowMs = 0
  const actions = new Set<{ readonly dueMs: number; readonly action: () => void }>()
  return {
    nowMs: () => nowMs,
    schedule(delayMs, action) {
      const entry = { dueMs: nowMs + delayMs, action }
      actions.add(entry)
      return () => actions.delete(entry)
    },
    advance(ms) {
      nowMs += ms
      for (const entry of [...actions].sort((a, b) => a.dueMs - b.dueMs)) {
        if (entry.dueMs <= nowMs && actions.delete(entry)) entry.action()
      }
    },
    pending: () => actions.size,
  }
}

export function seededChance(seed: number): Chance {
  const random = createRandom(seed)
  const bytes = (length: number) => Uint8Array.from({ length }, () => Math.floor(random() * 256))
  return {
    bytes,
    uuid: () =>
      Buffer.from(bytes(16))
        .toString('hex')
        .replace(/(.{8})(.{4}).(.{3}).(.{3})(.{12})/, '$1-$2-4$3-8$4-$5'),
  }
}

/** Unix time as the endpoints see it: 2026-01-01. */
export const testUnixTimeMs = Date.UTC(2026, 0, 1)

export const testFingerprint = {
  algorithm: 'sha-256',
  value: Array.from({ length: 32 }, () => 'AB').join(':'),
}

export function createStreams(limits: Partial<StreamLimits> = {}, seed = 1) {
  const commands: MediaCommand[] = []
  const events: StreamsEvent[] = []
  const clock = handClock()
  const streams = new StreamRegistry({
    media: { send: (command) => commands.push(command) },
    fingerprint: testFingerprint,
    candidates: [{ address: '192.0.2.1', family: 4, port: 8080 }],
    limits: {
      maxSessions: 100,
      maxViewersPerStream: 50,
      maxSendBitsPerSecond: Infinity,
      takeover: 'refuse',
      publisherTakeoverMs: 3000,
      publisherGraceMs: 30_000,
      playBeforePublish: () => false,
      ...limits,
    },
    clock,
    chance: seededChance(seed),
    onEvent: (event) => events.push(event),
  })
  return {
    streams,
    commands,
    events,
    clock,
    connect: (session: string) =>
      streams.handleEvent({
        type: 'connected',
        session,
        remoteAddress: '198.51.100.1:5000',
        srtpProfile: 'AEAD_AES_128_GCM',
      }),
    close: (session: string, reason: EndReason = 'closed-by-peer') =>
      streams.handleEvent({ type: 'closed', session, reason } satisfies MediaEvent),
    silence: (session: string, silent = true) =>
      streams.handleEvent({ type: 'publisher-silent', session, silent }),
    load: (sentBitsPerSecond: number) => streams.handleEvent({ type: 'load', sentBitsPerSecond }),
    confirmRestart: (session: string, localUfrag: string) =>
      streams.handleEvent({ type: 'ice-restarted', session, localUfrag }),
    /** How each session ended, in order. */
    ends: () =>
      events.flatMap((event) =>
        event.type === 'session-ended' ? [`${event.session.role} ${event.reason}`] : [],
      ),
    commandTypes: () => commands.map((command) => command.type),
  }
}

export interface ControlWingOptions {
  readonly publishToken?: string
  readonly playToken?: string
  readonly authorizer?: Authorizer
  readonly limits?: Partial<StreamLimits>
  readonly maxOfferBytes?: number
  readonly strict?: boolean
  readonly overloadRedirect?: string
  readonly iceServers?: IceServers
}

export async function startControlWing(options: ControlWingOptions = {}) {
  const wing = createStreams(options.limits)
  const logLines: string[] = []
  const app = createApp({
    sessions: wing.streams,
    authorizer:
      options.authorizer ?? staticTokenAuthorizer({ publish: options.publishToken, play: options.playToken }),
    maxOfferBytes: options.maxOfferBytes ?? 65_536,
    strict: options.strict ?? false,
    iceServers: options.iceServers ?? noIceServers,
    unixTimeMs: () => testUnixTimeMs,
    overloadRedirect: options.overloadRedirect,
    logger: createLogger({
      level: 'trace',
      terminal: false,
      destination: { write: (line) => logLines.push(line) },
    }),
  })
  const handle = app.callback()
  const server = createServer((request, response) => void handle(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  const postSdp = (path: string, body: string, headers: Record<string, string> = {}) =>
    fetch(url + path, { method: 'POST', headers: { 'Content-Type': 'application/sdp', ...headers }, body })
  return {
    ...wing,
    url,
    port,
    logLines,
    request: (path: string, init: RequestInit = {}) => fetch(url + path, init),
    postSdp,
    /** Posts an offer and returns the session's path; throws unless it is answered by 201. */
    async open(path: string, body: string): Promise<string> {
      const response = await postSdp(path, body)
      if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`)
      return response.headers.get('Location') ?? ''
    },
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

export type ControlWing = Awaited<ReturnType<typeof startControlWing>>
