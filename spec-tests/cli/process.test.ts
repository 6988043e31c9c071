/** The built command as a process: it starts, says so, serves and ends. */
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { runGateway, startGateway } from '../support/gateway.ts'
import { playOffer, publishOffer } from '../support/offers.ts'

const post = (url: string, body: string, headers: Record<string, string> = {}) =>
  fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/sdp', ...headers }, body })

test('serves on ports of the system, media on the number of HTTP, and ends by SIGTERM with code 0', async () => {
  const gateway = await startGateway()
  expect((await fetch(`${gateway.httpUrl}/healthz`)).status).toBe(200)
  expect(gateway.mediaPort).toBe(gateway.httpPort)
  expect((await post(gateway.whipUrl('live'), publishOffer())).status).toBe(201)
  const played = await post(gateway.whepUrl('live'), playOffer())
  expect(await played.text()).toContain(` ${gateway.mediaPort} typ host`)
  const startedMs = performance.now()
  expect(await gateway.stop()).toBe(0)
  expect(performance.now() - startedMs).toBeLessThan(5000)
  expect(gateway.stderr()).toBe('')
  const ends = gateway.log().filter((line) => line['event'] === 'session-ended')
  expect(ends.map((line) => `${String(line['role'])} ${String(line['reason'])}`)).toEqual([
    'publisher shutdown',
    'viewer shutdown',
  ])
})

test('names the addresses to copy in its first line', async () => {
  const gateway = await startGateway({ args: ['--log-level', 'error'] })
  expect(await gateway.stop('SIGINT')).toBe(0)
  expect(gateway.log()).toEqual([
    expect.objectContaining({
      event: 'ready',
      whipUrl: gateway.whipUrl('live'),
      whepUrl: gateway.whepUrl('live'),
      watchUrl: `${gateway.httpUrl}/watch/live`,
    }),
  ])
})

test('an open connection does not hold up the end', async () => {
  const gateway = await startGateway()
  const socket = connect(gateway.httpPort, '127.0.0.1')
  await once(socket, 'connect')
  socket.on('error', () => undefined).write('POST /whip/live HTTP/1.1\r\nHost: x\r\n')
  expect(await gateway.stop()).toBe(0)
  socket.destroy()
})

test('takes settings from the environment, and never prints the tokens', async () => {
  const gateway = await startGateway({
    args: ['--public-address', '203.0.113.77'],
    env: { WHIPWAY_PUBLISH_TOKEN: 'publish-secret', WHIPWAY_LOG_LEVEL: 'trace' },
  })
  expect((await post(gateway.whipUrl('live'), publishOffer())).status).toBe(401)
  const published = await post(gateway.whipUrl('live'), publishOffer(), {
    Authorization: 'Bearer publish-secret',
  })
  expect(published.status).toBe(201)
  const candidates = (await published.text()).match(/a=candidate:.*/g) ?? []
  expect(candidates[0]).toContain(` 203.0.113.77 ${gateway.mediaPort} typ host`)
  await gateway.stop()
  expect(gateway.stdout() + gateway.stderr()).not.toContain('secret')
})

test.each<[string, string[], Record<string, string>, number, RegExp]>([
  [
    'a wrong flag',
    ['--htpp', ':1'],
    {},
    2,
    /^whipway: unknown flag --htpp; did you mean --http\?\nTry: whipway --help\n$/,
  ],
  ['a wrong value', ['--http', 'x:y'], {}, 2, /^whipway: --http: "x:y" is not usable: expected HOST:PORT/],
  [
    'a wrong variable',
    [],
    { WHIPWAY_MEDIA_PORT: '-1' },
    2,
    /^whipway: WHIPWAY_MEDIA_PORT: "-1" is not usable/,
  ],
  [
    'an address of another machine',
    ['--http', '203.0.113.1:0'],
    {},
    1,
    /^whipway: cannot listen on TCP 203.0.113.1:0: no interface/,
  ],
])('%s ends it with a line that says why', async (_, args, env, exitCode, message) => {
  const run = await runGateway({ args, env })
  expect(run.exitCode).toBe(exitCode)
  expect(run.stderr).toMatch(message)
  expect(run.stdout).toBe('')
})

test('a TCP port in use is named, with what to do', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const run = await runGateway({ args: ['--http', `127.0.0.1:${port}`] })
  server.close()
  expect(run.exitCode).toBe(1)
  expect(run.stderr).toMatch(
    new RegExp(`^whipway: cannot listen on TCP 127.0.0.1:${port}: another program uses it.*--http.*\n$`),
  )
})

test('a UDP port in use is named, with what to do', async () => {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  const run = await runGateway({
    args: ['--http', '127.0.0.1:0', '--media-address', '127.0.0.1', '--media-port', String(port)],
  })
  socket.close()
  expect(run.exitCode).toBe(1)
  expect(run.stderr).toMatch(
    new RegExp(`^whipway: cannot listen on UDP port ${port}.*another program uses it.*--media-port.*\n$`),
  )
})

test('--help and --version print and end', async () => {
  const help = await runGateway({ args: ['--help'] })
  expect([help.exitCode, help.stderr]).toEqual([0, ''])
  expect(help.stdout).toContain('--public-address')
  const version = await runGateway({ args: ['--version'] })
  expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
})
