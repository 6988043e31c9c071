/** Clients that stop half-way: nothing waits for them for ever. */
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApp } from '../../src/http/app.ts'
import { staticTokenAuthorizer } from '../../src/http/authorizer.ts'
import type { HttpServer } from '../../src/http/server.ts'
import { listenHttp } from '../../src/http/server.ts'
import { noIceServers } from '../../src/http/ice-servers.ts'
import { createLogger } from '../../src/telemetry/logger.ts'
import { createStreams } from '../support/control-wing.ts'

let server: HttpServer
const logLines: string[] = []
const { streams } = createStreams()
beforeAll(async () => {
  const app = createApp({
    sessions: streams,
    authorizer: staticTokenAuthorizer({ publish: undefined, play: undefined }),
    maxOfferBytes: 4096,
    strict: false,
    iceServers: noIceServers,
    unixTimeMs: Date.now,
    overloadRedirect: undefined,
    logger: createLogger({
      level: 'trace',
      terminal: false,
      destination: { write: (line) => logLines.push(line) },
    }),
  }).callback()
  server = await listenHttp({
    listen: { host: '127.0.0.1', port: 0 },
    requestTimeoutMs: 200,
    onRequest: (request, response) => void app(request, response),
  })
})
afterAll(() => server.close(0))

/** Sends `text` and nothing more; resolves with all that came back when the server has closed the connection. */
const sendAndWait = (text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let received = ''
    const socket = connect({ port: server.port, host: '127.0.0.1' }, () => socket.write(text))
    socket.setEncoding('utf8').on('data', (chunk: string) => (received += chunk))
    socket.on('close', () => resolve(received))
    socket.on('error', reject)
  })

test.each([
  ['headers', 'POST /whip/live HTTP/1.1\r\nHost: x\r\n'],
  [
    'a body',
    'POST /whip/live HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\nContent-Length: 100\r\n\r\nv=0',
  ],
])('%s that never end are dropped by 408', async (_, text) => {
  expect(await sendAndWait(text)).toMatch(/^HTTP\/1.1 408 /)
})

test('a request that is no HTTP is answered by 400', async () => {
  expect(await sendAndWait('\x16\x03\x01 hello\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /)
})

test('a body that is too long is refused before it has arrived', async () => {
  const text =
    'POST /whip/live HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\nContent-Length: 99999999\r\n\r\nv=0'
  expect(await sendAndWait(text)).toMatch(/^HTTP\/1.1 413 /)
})

test('none of them is taken for a defect', () => {
  expect(logLines.filter((line) => line.includes('"level":"error"'))).toEqual([])
  expect(streams.size.sessions).toBe(0)
})
