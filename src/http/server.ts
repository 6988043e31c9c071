/** The HTTP server: where it listens and how long it waits for a client. */
import { createServer } from 'node:http'
import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ListenAddress } from '../config/values.ts'

export interface HttpServer {
  readonly address: string
  readonly port: number
  /** Takes no new connection, drops idle ones at once, and the rest when `graceMs` is over. */
  close(graceMs: number): Promise<void>
}

export interface HttpServerOptions {
  readonly listen: ListenAddress
  /** A request has to arrive whole within this time (RFC 9725 names no limit; OBS gives up after 8 s). */
  readonly requestTimeoutMs: number
  readonly onRequest: RequestListener
}

/** Node looks for requests that take too long in this interval, so a time-out may come that much late. */
const TIMEOUT_CHECK_INTERVAL_MS = 1000

/** @throws the system's error (EADDRINUSE, EACCES, EADDRNOTAVAIL, ENOTFOUND) when it cannot listen. */
export async function listenHttp({
  listen,
  requestTimeoutMs,
  onRequest,
}: HttpServerOptions): Promise<HttpServer> {
  const server = createServer(
    {
      requestTimeout: requestTimeoutMs,
      headersTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_INTERVAL_MS, requestTimeoutMs),
    },
    onRequest,
  )
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port: listen.port, ...(listen.host === undefined ? {} : { host: listen.host }) }, resolve)
  })
  // TCP without an IP address does not exist, and a listening server has one.
  const { address, port } = server.address() as AddressInfo
  return { address, port, close: (graceMs) => close(server, graceMs) }
}

function close(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), graceMs)
    server.close(() => {
      clearTimeout(timer)
      resolve()
    })
    server.closeIdleConnections()
  })
}
