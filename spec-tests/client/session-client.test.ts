/** The WHIP and WHEP client against a server that answers as it is told (RFC 9725 section 4). */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openSession } from '../../src/signalling/session-client.ts'

interface SeenRequest {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

describe('the session client', () => {
  let server: Server
  let origin: string
  let seen: SeenRequest[]
  let answer: (request: SeenRequest, response: ServerResponse) => void

  beforeEach(async () => {
    seen = []
    server = createServer((request, response) => {
      let body = ''
      request.on('data', (chunk) => (body += String(chunk)))
      request.on('end', () => {
        const { method, url, headers } = request
        seen.push({ method, url, headers, body })
        answer({ method, url, headers, body }, response)
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })

  const open = (options: { token?: string; signal?: AbortSignal } = {}) =>
    openSession({ url: `${origin}/whip/live`, offer: 'v=0\r\n', ...options })

  const accept = (location: string) => (request: SeenRequest, response: ServerResponse) => {
    if (request.method === 'DELETE') return void response.writeHead(200).end()
    response.writeHead(201, { location, etag: '"one"', 'content-type': 'application/sdp' }).end('v=0 answer')
  }

  test('posts the offer as application/sdp and returns the answer', async () => {
    answer = accept('/whip/live/1')
    const session = await open()
    expect(session).toMatchObject({ answer: 'v=0 answer', entityTag: '"one"', url: `${origin}/whip/live/1` })
    expect(seen[0]).toMatchObject({ method: 'POST', url: '/whip/live', body: 'v=0\r\n' })
    expect(seen[0]?.headers['content-type']).toBe('application/sdp')
  })

  test.each([
    ['/sessions/1', '/sessions/1'],
    ['1', '/whip/1'],
    ['live/1?key=2', '/whip/live/1?key=2'],
  ])('resolves Location %s against the endpoint', async (location, path) => {
    answer = accept(location)
    const session = await open()
    expect(session.url).toBe(origin + path)
    await session.end()
    expect(seen.at(-1)).toMatchObject({ method: 'DELETE', url: path })
  })

  test('sends the token with POST and DELETE', async () => {
    answer = accept('/whip/live/1')
    await (await open({ token: 'secret' })).end()
    expect(seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer secret', 'Bearer secret'])
  })

  test('follows 307 with the offer, and resolves Location against where it led', async () => {
    answer = (request, response) => {
      if (request.url === '/whip/live') response.writeHead(307, { location: '/node-2/whip/live' }).end()
      else accept('session/1')(request, response)
    }
    const session = await open()
    expect(session.url).toBe(`${origin}/node-2/whip/session/1`)
    expect(seen.at(-1)?.body).toBe('v=0\r\n')
  })

  test('rejects a refusal with its status, code, words and Retry-After', async () => {
    answer = (_, response) =>
      void response
        .writeHead(409, { 'retry-after': '3', 'content-type': 'application/problem+json' })
        .end(JSON.stringify({ code: 'no-publisher', detail: 'Nobody publishes this stream.' }))
    await expect(open()).rejects.toMatchObject({
      name: 'SessionRequestError',
      status: 409,
      code: 'no-publisher',
      retryAfterSeconds: 3,
      message: 'POST was answered 409: Nobody publishes this stream.',
    })
  })

  test('rejects a refusal whose body is not JSON', async () => {
    answer = (_, response) => void response.writeHead(502).end('<html>bad gateway</html>')
    await expect(open()).rejects.toMatchObject({ status: 502, code: undefined })
  })

  test('rejects a 201 without Location, by which the session could never be ended', async () => {
    answer = (_, response) => void response.writeHead(201).end('v=0')
    await expect(open()).rejects.toThrow('no Location')
  })

  test('takes a 404 on DELETE as ended, and any other refusal as an error', async () => {
    let status = 404
    answer = (request, response) => {
      if (request.method === 'DELETE') response.writeHead(status).end()
      else accept('/whip/live/1')(request, response)
    }
    const session = await open()
    await expect(session.end()).resolves.toBeUndefined()
    status = 500
    await expect(session.end()).rejects.toMatchObject({ status: 500 })
  })

  test('gives up when its signal is aborted', async () => {
    const controller = new AbortController()
    answer = () => controller.abort()
    await expect(open({ signal: controller.signal })).rejects.toMatchObject({ name: 'AbortError' })
  })
})
