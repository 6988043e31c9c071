/** Bytes from anybody at the UDP port of a running gateway: nothing crashes, nothing is amplified, sessions go on. */
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGateway } from '../support/gateway.ts'
import type { Gateway } from '../support/gateway.ts'
import { bindingRequest } from '../support/stun-client.ts'
import { waitFor } from '../support/wait.ts'

const offer = readFileSync(new URL('../sdp-offers/obs.sdp', import.meta.url))
/** Datagrams of one run; a burst is small enough for the kernel's buffer. */
const RUNS = 1500
const BURST = 50

interface Session {
  readonly ufrag: string
  readonly password: string
  readonly location: string
}

let gateway: Gateway
let port: number
const sockets: Socket[] = []

async function openSession(stream: string): Promise<Session> {
  const headers = { 'content-type': 'application/sdp' }
  const response = await fetch(gateway.whipUrl(stream), { method: 'POST', headers, body: offer })
  expect(response.status).toBe(201)
  const answer = await response.text()
  const value = (name: string): string => new RegExp(`^a=${name}:(.*)\r$`, 'm').exec(answer)?.[1] ?? ''
  port = Number(/^m=audio (\d+)/m.exec(answer)?.[1])
  return {
    ufrag: value('ice-ufrag'),
    password: value('ice-pwd'),
    location: response.headers.get('location') ?? '',
  }
}

async function openSocket(): Promise<{ socket: Socket; received: Buffer[] }> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const received: Buffer[] = []
  socket.on('message', (message) => received.push(message))
  sockets.push(socket)
  return { socket, received }
}

async function sendAll(socket: Socket, datagrams: readonly Uint8Array[]): Promise<void> {
  for (let i = 0; i < datagrams.length; i += BURST) {
    await Promise.all(
      datagrams
        .slice(i, i + BURST)
        .map(
          (bytes) => new Promise<void>((resolve) => socket.send(bytes, port, '127.0.0.1', () => resolve())),
        ),
    )
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** A valid check is answered: the gateway has taken everything that was sent before it, and is well. */
async function expectAlive(session: Session): Promise<void> {
  const { socket, received } = await openSocket()
  const { ufrag, password } = session
  await waitFor('an answer to a valid check', () => {
    socket.send(
      bindingRequest({ username: `${ufrag}:x`, password, priority: 1, role: 'controlling' }),
      port,
      '127.0.0.1',
    )
    return received.some((message) => message.readUInt16BE(0) === 0x0101)
  })
  expect((await fetch(`${gateway.httpUrl}/healthz`)).status).toBe(200)
}

const seed = { seed: 20_261_123 }
const bytesOf = (first: fc.Arbitrary<number>): fc.Arbitrary<Uint8Array> =>
  fc.tuple(first, fc.uint8Array({ maxLength: 1500 })).map(([byte, rest]) => Uint8Array.of(byte, ...rest))
const kinds: [string, fc.Arbitrary<Uint8Array>][] = [
  ['anything', fc.uint8Array({ maxLength: 2100 })],
  ['STUN-like', bytesOf(fc.integer({ min: 0, max: 3 }))],
  ['DTLS-like', bytesOf(fc.integer({ min: 20, max: 63 }))],
  ['RTP-like and RTCP-like', bytesOf(fc.integer({ min: 128, max: 191 }))],
]

beforeAll(async () => {
  gateway = await startGateway()
})
afterAll(async () => {
  for (const socket of sockets) socket.close()
  expect(await gateway.stop()).toBe(0)
})

describe('from an address that has proven nothing', () => {
  it.each(kinds)('%s is survived and not answered', async (_kind, arbitrary) => {
    const session = await openSession(`unproven-${kinds.findIndex(([kind]) => kind === _kind)}`)
    const { socket, received } = await openSocket()
    await sendAll(socket, fc.sample(arbitrary, { ...seed, numRuns: RUNS }))
    await expectAlive(session)
    expect(received).toEqual([])
  })

  it('no STUN message gets back more bytes than it sent, and without a known ufrag it gets nothing', async () => {
    const session = await openSession('reflection')
    const username = `${session.ufrag}:x`
    const requests: Buffer[] = [
      bindingRequest({}),
      bindingRequest({ fingerprint: false }),
      bindingRequest({ username: 'nobody:x', password: 'p' }),
      bindingRequest({ username }),
      bindingRequest({ username, fingerprint: false }),
      bindingRequest({ username, password: 'wrong' }),
      bindingRequest({ username, password: 'wrong', fingerprint: false, role: 'controlled' }),
    ]
    for (const request of requests) {
      const { socket, received } = await openSocket()
      await sendAll(socket, [request])
      await expectAlive(session)
      const back = received.reduce((sum, message) => sum + message.length, 0)
      expect(back).toBeLessThanOrEqual(request.length)
    }
  })

  it('a ClientHello is not answered', async () => {
    const session = await openSession('client-hello')
    const { socket, received } = await openSocket()
    const hello = Buffer.alloc(200)
    hello.set(
      Buffer.from('16feff0000000000000000 00bb 01 0000af 0000 000000 0000af fefd'.replaceAll(' ', ''), 'hex'),
    )
    await sendAll(socket, Array<Buffer>(50).fill(hello))
    await expectAlive(session)
    expect(received).toEqual([])
  })
})

describe('from an address that a valid check has proven', () => {
  it.each(kinds)('%s is survived, and the session goes on', async (_kind, arbitrary) => {
    const session = await openSession(`proven-${kinds.findIndex(([kind]) => kind === _kind)}`)
    const { socket, received } = await openSocket()
    const { ufrag, password } = session
    const check = bindingRequest({
      username: `${ufrag}:x`,
      password,
      priority: 1,
      role: 'controlling',
      useCandidate: true,
    })
    await sendAll(socket, [check])
    await waitFor('an answer to the check', () => received.length > 0)
    await sendAll(socket, fc.sample(arbitrary, { ...seed, numRuns: RUNS }))
    const mutated = fc
      .tuple(fc.nat(check.length - 1), fc.nat(255), fc.nat(check.length))
      .map(([at, value, cut]) => {
        const bytes = Buffer.from(check)
        bytes[at] = value
        return bytes.subarray(0, cut)
      })
    await sendAll(socket, fc.sample(mutated, { ...seed, numRuns: RUNS }))
    await expectAlive(session)
    const deleted = await fetch(new URL(session.location, gateway.httpUrl), { method: 'DELETE' })
    expect(deleted.status).toBe(200)
  })
})
