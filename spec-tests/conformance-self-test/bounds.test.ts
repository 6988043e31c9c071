/** The suite never hangs: whatever a server does, a request ends, and says how. */
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { expect, it } from 'vitest'
import { exchange, readLinks } from '../conformance/http-exchange.ts'
import type { Rule } from '../conformance/rule.ts'
import { runRule } from '../conformance/run.ts'

async function withServer(
  onRequest: (socket: Socket) => void,
  use: (url: string) => Promise<void>,
): Promise<void> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('data', () => onRequest(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  } finally {
    sockets.forEach((socket) => socket.destroy())
    server.close()
  }
}

const head = 'HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n'

it.for([
  { what: 'says nothing', answer: () => undefined, error: /no complete answer within 50 ms/ },
  {
    what: 'stops in the middle',
    answer: (socket: Socket) => socket.write(`${head}abc`),
    error: /no complete answer within 50 ms/,
  },
  { what: 'hangs up', answer: (socket: Socket) => socket.destroy(), error: /hang up|ECONNRESET/ },
  {
    what: 'hangs up in the middle',
    answer: (socket: Socket) => socket.end(`${head}abc`),
    error: /aborted|ECONNRESET/,
  },
  {
    what: 'speaks another protocol',
    answer: (socket: Socket) => socket.end('SSH-2.0-none\r\n'),
    error: /Parse Error|Expected HTTP/,
  },
])('a server that $what is an error', async ({ answer, error }) => {
  await withServer(
    (socket) => void answer(socket),
    (url) => expect(exchange({ method: 'GET', url, timeoutMs: 50 })).rejects.toThrow(error),
  )
})

it('a server that never stops talking is an error', async () => {
  await withServer(
    (socket) => socket.write(head + 'x'.repeat(2_000_000)),
    (url) => expect(exchange({ method: 'GET', url })).rejects.toThrow(/more than 1048576 bytes/),
  )
})

it('reads links as RFC 8288 has them, several in a line or not', async () => {
  const lines = '<a,b;c>; rel="x"; title="1, 2; \\"3\\"", </d>;rel=y\r\nLink: </e>; rel="z"\r\nLink: nonsense'
  await withServer(
    (socket) => socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 0\r\nLink: ${lines}\r\n\r\n`),
    async (url) => {
      const { links, malformed, perLine } = readLinks(await exchange({ method: 'GET', url }))
      expect(links.map(({ url: target, rel }) => `${target} ${rel}`)).toEqual(['a,b;c x', '/d y', '/e z'])
      expect(malformed).toEqual(['nonsense'])
      expect(perLine).toEqual([2, 1, 0])
    },
  )
})

it('a check that takes too long fails, and a session that it opens afterwards is ended', async () => {
  const methods: string[] = []
  let release: () => void = () => undefined
  const released = new Promise<void>((resolve) => (release = resolve))
  let report: () => void = () => undefined
  const removed = new Promise<void>((resolve) => (report = resolve))
  const server = createHttpServer((request, response) => {
    methods.push(request.method ?? '')
    request.resume()
    if (request.method === 'DELETE') {
      response.end()
      report()
    } else void released.then(() => response.writeHead(201, { Location: '/session' }).end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const rule: Rule = {
    id: 'slow',
    protocol: 'whip',
    source: 'none',
    level: 'MUST',
    sends: 'POST of an offer',
    expects: 'an answer in time',
    async check(bench) {
      await bench.attempt()
    },
  }
  const { verdict, reason } = await runRule(
    rule,
    { whip: `http://127.0.0.1:${(server.address() as AddressInfo).port}/whip` },
    20,
  )
  expect([verdict, reason]).toEqual(['fail', 'no verdict within 20 ms'])
  release()
  await removed
  expect(methods).toEqual(['POST', 'DELETE'])
  server.close()
})
