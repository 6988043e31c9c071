/** RFC 9725 section 4.6: ICE servers in Link headers. */
import { createHmac } from 'node:crypto'
import { request } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { configuredIceServers } from '../../src/http/ice-servers.ts'
import type { TurnLogin } from '../../src/http/ice-servers.ts'
import type { ControlWing } from '../support/control-wing.ts'
import { startControlWing, testUnixTimeMs } from '../support/control-wing.ts'
import { playOffer, publishOffer } from '../support/offers.ts'

const urls = ['stun:stun.example.net:3478', 'turn:turn.example.net?transport=udp', 'turns:turn.example.net']
const login = { kind: 'static', username: 'user', credential: 'pass/+=' } as const
const staticLinks = [
  '<stun:stun.example.net:3478>; rel="ice-server"',
  '<turn:turn.example.net?transport=udp>; rel="ice-server"; username="user"; credential="pass/+="; credential-type="password"',
  '<turns:turn.example.net>; rel="ice-server"; username="user"; credential="pass/+="; credential-type="password"',
]

let wing: ControlWing | undefined
afterEach(() => wing?.stop())
const start = async (turnLogin: TurnLogin, tokens: { publishToken?: string } = {}) =>
  (wing = await startControlWing({ iceServers: configuredIceServers(urls, turnLogin), ...tokens }))

/** The Link field lines as they were sent, which fetch would join. */
function linkLines(url: string, method: string, headers: Record<string, string> = {}, body = '') {
  return new Promise<{ status: number; links: string[] }>((resolve, reject) => {
    const outgoing = request(url, { method, headers }, (response) => {
      response.resume()
      const raw = response.rawHeaders
      resolve({
        status: response.statusCode ?? 0,
        links: raw.flatMap((name, at) =>
          at % 2 === 0 && name.toLowerCase() === 'link' ? [raw[at + 1] ?? ''] : [],
        ),
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

const sdp = { 'Content-Type': 'application/sdp' }

test('come with the answers to publishers and viewers, a field line each', async () => {
  const { url } = await start(login)
  expect(await linkLines(`${url}/whip/live`, 'POST', sdp, publishOffer())).toEqual({
    status: 201,
    links: staticLinks,
  })
  const viewer = await linkLines(`${url}/whep/live`, 'POST', sdp, playOffer())
  expect(viewer.links).toEqual(expect.arrayContaining(staticLinks))
})

test('can be read by OBS, which cuts the field at every comma and semicolon', async () => {
  const { url } = await start({ kind: 'shared-secret', secret: 'key', lifetimeMs: 3_600_000 })
  const { links } = await linkLines(`${url}/whip/live`, 'POST', sdp, publishOffer())
  for (const link of links) {
    const [target, ...parameters] = link.split(/[,;]/)
    expect(target).toMatch(/^<(stun|turn)s?:[^<>]+>$/)
    for (const parameter of parameters) expect(parameter).toMatch(/^ [a-z-]+="[^"]*"$/)
  }
})

test('come with the answer to OPTIONS', async () => {
  const { url } = await start(login)
  expect(await linkLines(`${url}/whip/live`, 'OPTIONS')).toEqual({ status: 200, links: staticLinks })
  expect(await linkLines(`${url}/whep/live`, 'OPTIONS')).toEqual({ status: 200, links: staticLinks })
})

test('do not come with a CORS preflight', async () => {
  const { url } = await start(login)
  const preflight = { Origin: 'https://example.com', 'Access-Control-Request-Method': 'POST' }
  expect(await linkLines(`${url}/whip/live`, 'OPTIONS', preflight)).toEqual({ status: 200, links: [] })
})

test('are told on OPTIONS to those alone who may publish', async () => {
  const { url } = await start(login, { publishToken: 'secret' })
  const options = (token: string) =>
    linkLines(`${url}/whip/live`, 'OPTIONS', { Authorization: `Bearer ${token}` })
  expect(await linkLines(`${url}/whip/live`, 'OPTIONS')).toEqual({ status: 200, links: [] })
  expect(await options('wrong')).toEqual({ status: 200, links: [] })
  expect(await options('secret')).toEqual({ status: 200, links: staticLinks })
})

test('do not come with a refusal', async () => {
  const { url } = await start(login)
  expect((await linkLines(`${url}/whip/live`, 'POST', sdp, 'nonsense')).links).toEqual([])
})

test('have credentials by which coturn lets the client in until they expire, where a secret is shared', async () => {
  const { url } = await start({ kind: 'shared-secret', secret: 'key', lifetimeMs: 3_600_000 })
  const { links } = await linkLines(`${url}/whip/live`, 'POST', sdp, publishOffer())
  const [, username = '', credential = ''] =
    /username="([^"]+)"; credential="([^"]+)"/.exec(links[1] ?? '') ?? []
  expect(username).toBe(`${testUnixTimeMs / 1000 + 3600}:live`)
  expect(credential).toBe(createHmac('sha1', 'key').update(username).digest('base64'))
  expect(links[0]).toBe(staticLinks[0])
})

test('OPTIONS on a session answers 200 with the methods that it has', async () => {
  const started = await start(login)
  const path = await started.open('/whip/live', publishOffer())
  const response = await started.request(path, { method: 'OPTIONS' })
  expect(response.status).toBe(200)
  expect(response.headers.get('Allow')?.split(', ')).toEqual(expect.arrayContaining(['PATCH', 'DELETE']))
})
