/** `whipway serve`: puts the gateway together, runs it and takes it apart again. */
import type { RequestListener } from 'node:http'
import { constants, networkInterfaces } from 'node:os'
import type { Config } from '../config/settings.ts'
import { createApp } from '../http/app.ts'
import { staticTokenAuthorizer } from '../http/authorizer.ts'
import { configuredIceServers } from '../http/ice-servers.ts'
import type { TurnLogin } from '../http/ice-servers.ts'
import type { HttpServer } from '../http/server.ts'
import { listenHttp } from '../http/server.ts'
import type { ListeningAddress } from '../media/contract.ts'
import type { MediaThread } from '../media/media-thread.ts'
import { startMediaThread } from '../media/media-thread.ts'
import { hostCandidates } from '../streams/candidates.ts'
import { systemClock } from '../streams/clock.ts'
import { systemChance } from '../streams/credentials.ts'
import type { DtlsCertificate } from '../streams/dtls-certificate.ts'
import { createDtlsCertificate } from '../streams/dtls-certificate.ts'
import { matchesStreamPattern } from '../streams/stream-name.ts'
import { StreamRegistry } from '../streams/stream-registry.ts'
import type { Logger } from '../telemetry/logger.ts'
import { logMediaEvent, logStreamsEvent } from '../telemetry/streams-log.ts'
import { announce } from './announcement.ts'
import type { Demo } from './demo.ts'
import { startDemo } from './demo.ts'
import { isAddressInUse, listenError } from './start-error.ts'
import { readVersion } from './version.ts'

const SAMPLE_STREAM = 'live'
const DEMO_STREAM = 'demo'
/** A request in progress is answered within milliseconds; what is still open then is a client that does not read. */
const HTTP_CLOSE_GRACE_MS = 500

interface RunningGateway {
  readonly http: HttpServer
  readonly media: MediaThread
  readonly streams: StreamRegistry
  readonly demo: Demo | undefined
}

/**
 * Runs until a signal comes or the media thread ends by itself. Resolves with the process's exit code.
 * @throws StartError when a port or an address cannot be had.
 */
export async function serve(config: Config, logger: Logger, terminal: boolean): Promise<number> {
  const stopRequested = stopSignal(logger)
  const gateway = await Promise.race([start(config, logger, terminal), stopRequested])
  if (typeof gateway === 'string') return 0 // stopped before there was anything to end

  const ended = await Promise.race([stopRequested, exitOf(gateway.media)])
  if (typeof ended !== 'string') {
    logger.fatal({ event: 'media-thread-exited', ...ended }, 'the media thread ended unexpectedly')
    return 1
  }
  logger.info({ event: 'stopping', signal: ended }, `stopping on ${ended}`)
  await stop(gateway, config.shutdownTimeout, logger)
  logger.info({ event: 'stopped' }, 'stopped')
  return 0
}

async function start(config: Config, logger: Logger, terminal: boolean): Promise<RunningGateway> {
  const certificate = await createDtlsCertificate(Date.now())
  // The media port follows the HTTP port, so HTTP listens first; requests that come before all is ready wait for it.
  let openGate: (listener: RequestListener) => void = () => undefined
  const gate = new Promise<RequestListener>((resolve) => (openGate = resolve))
  const http = await startHttp(
    config,
    (request, response) => void gate.then((listener) => listener(request, response)),
  )
  const media = await startMedia(config, certificate, http.port)

  const candidatesFor = (addresses: readonly ListeningAddress[]) =>
    hostCandidates(addresses, config.publicAddress, machineAddresses())
  const candidates = candidatesFor(media.addresses)
  const streams = new StreamRegistry({
    media,
    fingerprint: certificate.fingerprint,
    candidates,
    limits: {
      maxSessions: config.maxSessions,
      maxViewersPerStream: config.maxViewersPerStream,
      maxSendBitsPerSecond: config.maxSendBitrate ?? Infinity,
      takeover: config.takeover,
      publisherTakeoverMs: config.publisherTakeover,
      publisherGraceMs: config.publisherGrace,
      playBeforePublish: (stream) =>
        config.playBeforePublish.some((pattern) => matchesStreamPattern(pattern, stream)),
    },
    clock: systemClock,
    chance: systemChance,
    onEvent: (event) => logStreamsEvent(logger, event),
  })
  media.onEvent((event) => {
    logMediaEvent(logger, event)
    if (event.type === 'listening') streams.setCandidates(candidatesFor(event.addresses))
    streams.handleEvent(event)
  })
  const app = createApp({
    sessions: streams,
    authorizer: staticTokenAuthorizer({ publish: config.publishToken, play: config.playToken }),
    maxOfferBytes: config.maxOfferBytes,
    strict: config.strict,
    overloadRedirect: config.overloadRedirect,
    iceServers: configuredIceServers(config.iceServer, turnLogin(config)),
    unixTimeMs: Date.now,
    logger,
  }).callback()
  openGate((request, response) => void app(request, response))

  const demo = config.demo
    ? startDemo(`${loopbackUrl(http)}/whip/${DEMO_STREAM}`, config.publishToken, logger)
    : undefined
  announce(
    {
      version: readVersion(),
      httpUrl: httpUrl(config.http.host ?? 'localhost', http.port),
      mediaPort: media.addresses[0]?.port ?? 0,
      candidates,
      reachableFromOutside: config.http.host === undefined,
      stream: config.demo ? DEMO_STREAM : SAMPLE_STREAM,
      publishingIsOpen: config.publishToken === undefined,
    },
    logger,
    terminal,
  )
  return { http, media, streams, demo }
}

/** Ends everything in the order in which nothing is missed, but takes no longer than `limitMs`. */
async function stop(
  { http, media, streams, demo }: RunningGateway,
  limitMs: number,
  logger: Logger,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      logger.warn({ event: 'stop-timeout', limitMs }, 'not everything could be ended in time')
      resolve()
    }, limitMs)
  })
  const work = async () => {
    await demo?.stop()
    streams.shutDown()
    await Promise.all([http.close(HTTP_CLOSE_GRACE_MS), exitOf(media)])
  }
  await Promise.race([work(), limit])
  clearTimeout(timer)
}

const exitOf = (media: MediaThread): Promise<{ readonly exitCode?: number; readonly err?: unknown }> =>
  media.exited.then(
    (exitCode) => ({ exitCode }),
    (err: unknown) => ({ err }),
  )

/** Resolves at the first SIGTERM or SIGINT; the second one ends the process at once. */
function stopSignal(logger: Logger): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let stopping = false
    const onSignal = (signal: NodeJS.Signals) => {
      if (stopping) {
        logger.warn({ event: 'killed', signal }, `${signal} again: leaving at once`)
        process.exit(128 + (constants.signals[signal] ?? 0))
      }
      stopping = true
      resolve(signal)
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
  })
}

async function startHttp(config: Config, onRequest: RequestListener): Promise<HttpServer> {
  const { host, port } = config.http
  try {
    return await listenHttp({ listen: config.http, requestTimeoutMs: config.requestTimeout, onRequest })
  } catch (error) {
    const where = host === undefined ? `port ${port}` : `${host.includes(':') ? `[${host}]` : host}:${port}`
    throw listenError(error, { protocol: 'TCP', where, flag: '--http HOST:PORT' })
  }
}

async function startMedia(
  config: Config,
  certificate: DtlsCertificate,
  httpPort: number,
): Promise<MediaThread> {
  const start = (port: number) =>
    startMediaThread({
      port,
      addresses: config.mediaAddress,
      certificate: certificate.certificate,
      privateKey: certificate.privateKey,
      consentTimeoutMs: config.consentTimeout,
      connectTimeoutMs: config.connectTimeout,
      packetStoreBytes: config.packetStore,
      instantStart: config.instantStart === 'on',
      instantStartBytes: config.instantStartBytes,
      instantStartMs: config.instantStartAge,
      keyframeRequestIntervalMs: config.keyframeRequestInterval,
      maxPublishBitrate: config.maxPublishBitrate,
      udpSender: config.udpSender,
    })
  const port = config.mediaPort ?? httpPort
  try {
    return await start(port)
  } catch (error) {
    // The system chose a TCP port whose number is taken for UDP; who asked for any port gets any port.
    const anyPort = config.http.port === 0 && config.mediaPort === undefined
    if (anyPort && isAddressInUse(error)) return await start(0)
    const addresses = config.mediaAddress.length === 0 ? '' : ` of ${config.mediaAddress.join(', ')}`
    throw listenError(error, {
      protocol: 'UDP',
      where: `port ${port}${addresses}`,
      flag: '--media-port or --media-address',
    })
  }
}

function turnLogin({ turnUsername, turnCredential, turnSecret, turnCredentialLifetime }: Config): TurnLogin {
  if (turnSecret !== undefined)
    return { kind: 'shared-secret', secret: turnSecret, lifetimeMs: turnCredentialLifetime }
  if (turnUsername !== undefined && turnCredential !== undefined)
    return { kind: 'static', username: turnUsername, credential: turnCredential }
  return { kind: 'none' }
}

const machineAddresses = (): string[] =>
  Object.values(networkInterfaces()).flatMap((interfaces) => (interfaces ?? []).map(({ address }) => address))

const httpUrl = (host: string, port: number): string =>
  `http://${host.includes(':') ? `[${host}]` : host}:${port}`

/** How this process reaches its own HTTP server. */
function loopbackUrl({ address, port }: HttpServer): string {
  return httpUrl(address === '::' || address === '0.0.0.0' ? '127.0.0.1' : address, port)
}
