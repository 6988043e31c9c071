/** Whatever is sent to the endpoints, the fault is the client's: no answer is 5xx, and the gateway goes on. */
import { request } from 'node:http'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ControlWing } from '../support/control-wing.ts'
import { startControlWing } from '../support/control-wing.ts'
import { playOffer, publishOffer } from '../support/offers.ts'

let wing: ControlWing
let session: string
beforeAll(async () => {
  wing = await startControlWing({
    limits: { maxSessions: 1e6, maxViewersPerStream: 1e6 },
    maxOfferBytes: 8192,
  })
  session = await wing.open('/whip/live', publishOffer())
})
afterAll(() => wing.stop())

interface RandomRequest {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: Uint8Array
}

/** Sends what `fetch` would refuse to send. Resolves with the status. */
const send = ({ method, path, headers, body }: RandomRequest): Promise<number> =>
  new Promise((resolve, reject) => {
    const message = request(
      { port: wing.port, host: '127.0.0.1', method, path, headers, agent: false },
      (response) => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0))
      },
    )
    message.on('error', reject)
    message.end(body)
  })

/** An offer with some of its characters and lines changed. */
const mutatedOffer = fc
  .tuple(
    fc.constantFrom(publishOffer(), playOffer(), publishOffer({ video: 'VP8' })),
    fc.array(fc.tuple(fc.nat(), fc.constantFrom('drop', 'double', 'swap', 'cut', 'byte'), fc.nat(255)), {
      maxLength: 8,
    }),
  )
  .map(([offer, mutations]) => {
    const lines = offer.split('\r\n')
    for (const [where, how, value] of mutations) {
      const index = where % lines.length
      const line = lines[index] ?? ''
      if (how === 'drop') lines.splice(index, 1)
      if (how === 'double') lines.splice(index, 0, line)
      if (how === 'swap') lines.splice(value % lines.length, 0, ...lines.splice(index, 1))
      if (how === 'cut') lines[index] = line.slice(0, value % (line.length + 1))
      if (how === 'byte')
        lines[index] =
          `${line.slice(0, value % (line.length + 1))}${String.fromCharCode(value)}${line.slice(value)}`
    }
    return new TextEncoder().encode(lines.join('\r\n'))
  })

const headerValue = fc.string({ unit: fc.constantFrom(...'aZ09 ;,="/*-+.:\\()é'), maxLength: 40 })
const pathSegment = fc.oneof(
  fc.constantFrom(
    'whip',
    'whep',
    'live',
    'watch',
    'assets',
    '..',
    '.',
    '%2e%2e',
    '%00',
    '%E0%A4%A',
    '__proto__',
    'constructor',
  ),
  fc.webSegment(),
)

const randomRequest = fc.record({
  method: fc.constantFrom('GET', 'HEAD', 'POST', 'PATCH', 'DELETE', 'PUT', 'OPTIONS', 'PROPFIND'),
  path: fc.oneof(
    fc.constantFrom(
      '/whip/live',
      '/whep/live',
      '/whip/other',
      '/whip/live/x',
      '/healthz',
      '/',
      '//',
      '/?x',
      '/watch/live',
    ),
    fc.array(pathSegment, { maxLength: 4 }).map((segments) => `/${segments.join('/')}`),
  ),
  headers: fc
    .record(
      {
        'Content-Type': fc.oneof(
          fc.constantFrom('application/sdp', 'application/trickle-ice-sdpfrag'),
          headerValue,
        ),
        Authorization: headerValue,
        'If-Match': headerValue,
        Origin: headerValue,
        'Access-Control-Request-Method': headerValue,
        'Access-Control-Request-Headers': headerValue,
        'Content-Encoding': fc.constantFrom('gzip', 'identity', '', 'x'),
        Host: headerValue,
        Accept: headerValue,
        Range: headerValue,
        Expect: fc.constantFrom('100-continue', 'x'),
      },
      { requiredKeys: [] },
    )
    .map((headers) => Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined))),
  body: fc.oneof(
    mutatedOffer,
    fc.uint8Array({ maxLength: 300 }),
    fc.constant(new Uint8Array(10_000).fill(97)),
  ),
})

test('random methods, paths, headers and bodies are never answered by 5xx', async () => {
  await fc.assert(
    fc.asyncProperty(randomRequest, async (random) => {
      const status = await send(random)
      expect(status).toBeGreaterThanOrEqual(200)
      expect(status).toBeLessThan(500)
    }),
    { numRuns: 600, seed: 20_260_101 },
  )
  expect(wing.logLines.filter((line) => line.includes('"level":"error"'))).toEqual([])
})

test('mutated offers are answered by 201 or by a problem that says which', async () => {
  await fc.assert(
    fc.asyncProperty(mutatedOffer, fc.constantFrom('whip/m', 'whep/live'), async (body, path) => {
      const response = await wing.request(`/${path}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/sdp' },
        body,
      })
      if (response.status === 201) {
        await wing.request(response.headers.get('Location') ?? '', { method: 'DELETE' })
        return
      }
      expect([400, 409, 422]).toContain(response.status)
      expect(await response.json()).toMatchObject({ code: expect.stringMatching(/^[a-z-]+$/) as unknown })
    }),
    { numRuns: 400, seed: 20_260_102 },
  )
})

test('after all of this the gateway still answers, and its first session is still there', async () => {
  expect((await wing.request('/healthz')).status).toBe(200)
  expect((await wing.request(session)).status).toBe(200)
})
