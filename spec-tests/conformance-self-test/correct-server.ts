/**
 * The least server that keeps every rule of the conformance suite, media aside; and where to break it. It is written for the suite's own tests:
 * everything that it says, a defect can change on the way out.
 */
import { createHmac, randomUUID } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  attributeOf,
  attributesOf,
  mediaKindOf,
  payloadTypesOf,
  readDescription,
} from '../conformance/description.ts'
import type { Description } from '../conformance/description.ts'
import { newIceCredentials } from '../conformance/offers.ts'
import type { IceCredentials } from '../conformance/offers.ts'
import { attribute, readAttributes } from '../support/stun-client.ts'

export const TOKEN = 'self-test-token'

export interface Call {
  readonly protocol: 'whip' | 'whep'
  readonly resource: 'endpoint' | 'session' | 'events' | 'stream' | 'layer'
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly session: FakeSession | undefined
}

export interface Reply {
  status: number
  headers: Record<string, string | string[]>
  body: string
}

interface FakeSession {
  readonly url: string
  tag: string
  remote: Partial<IceCredentials>
  local: IceCredentials
  readonly streams: Set<string>
  ended: boolean
}

export interface Defect {
  /** Changes a reply on its way out. */
  readonly reply?: (reply: Reply, call: Call, server: { end(session: FakeSession): void }) => void
  readonly stun?: 'silent' | 'without integrity' | 'any password' | 'after the end'
}

export interface FakeServer {
  readonly url: string
  /** Sessions that have not been ended. */
  readonly open: () => number
  stop(): Promise<void>
}

const cors = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'Location, ETag, Link',
}
const preflight = {
  ...cors,
  'Access-Control-Allow-Methods': 'GET, POST, PATCH, DELETE',
  'Access-Control-Allow-Headers': 'Authorization, Content-Type, If-Match',
}
const iceServers = [
  '<stun:stun.example.net>; rel="ice-server"',
  '<turn:turn.example.net?transport=udp>; rel="ice-server"; username="user"; credential="secret"; credential-type="password"',
]
const eventNames = ['active', 'inactive', 'layers']

export async function startFakeServer(defect: Defect = {}): Promise<FakeServer> {
  const sessions = new Map<string, FakeSession>()
  const ended: FakeSession[] = []
  let tags = 0
  const end = (session: FakeSession) => {
    session.ended = true
    sessions.delete(session.url)
    ended.push(session)
  }

  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  socket.on('message', (message, from) => {
    if (message.length < 20 || defect.stun === 'silent') return
    const [ufrag] = readAttributes(message).get(0x0006)?.toString().split(':') ?? []
    const known = defect.stun === 'after the end' ? [...sessions.values(), ...ended] : [...sessions.values()]
    const session = known.find(({ local }) => local.ufrag === ufrag)
    if (session === undefined) return
    const trusted = defect.stun === 'any password' || integrityOf(message, session.local.password)
    if (trusted)
      socket.send(
        bindingSuccess(message, session.local.password, defect.stun !== 'without integrity'),
        from.port,
        from.address,
      )
  })

  const newSession = (prefix: string, remote: Partial<IceCredentials>): FakeSession => {
    const url = `${prefix}/live/${randomUUID()}`
    const session = {
      url,
      tag: `"${++tags}"`,
      remote,
      local: newIceCredentials(),
      streams: new Set<string>(),
      ended: false,
    }
    sessions.set(url, session)
    return session
  }

  const post = ({ protocol, headers, body }: Call, path: string): Reply => {
    if (headers.authorization !== `Bearer ${TOKEN}`)
      return { status: 401, headers: { 'WWW-Authenticate': 'Bearer realm="test"' }, body: '' }
    if (path.endsWith('/entry')) return { status: 307, headers: { Location: `/${protocol}/live` }, body: '' }
    if (headers['content-type'] !== 'application/sdp') return problem(415)
    if (protocol === 'whep' && !path.endsWith('/live'))
      return { status: 409, headers: { 'Retry-After': '2' }, body: '' }
    const offer = readDescription(body)
    if (body === '' || (protocol === 'whep' && body.includes('X-CONFORMANCE'))) return counterOffer(protocol)
    if (offer === undefined) return problem(400)
    const complete = offer.media.every((section) =>
      ['mid', 'ice-ufrag', 'fingerprint'].every((name) => attributeOf(section, name) !== undefined),
    )
    if (!complete) return problem(400)
    const wanted = protocol === 'whip' ? 'sendonly' : 'recvonly'
    const isRight = offer.media.every(
      (section) => section.includes(`a=${wanted}`) || section.includes('a=sendrecv'),
    )
    const videos = offer.media.filter((section) => mediaKindOf(section) === 'video').length
    const streams = new Set(offer.media.map((section) => attributeOf(section, 'msid')?.split(' ')[0]))
    if (
      offer.media.length === 0 ||
      !isRight ||
      videos > 1 ||
      streams.size > 1 ||
      body.includes('X-CONFORMANCE')
    )
      return problem(422)
    const [first = []] = offer.media
    const [ufrag = '', password = ''] = ['ice-ufrag', 'ice-pwd'].map((name) => attributeOf(first, name) ?? '')
    const session = newSession(`/${protocol}`, { ufrag, password })
    const answer = writeAnswer(
      offer,
      session.local,
      socket.address().port,
      protocol === 'whip' ? 'recvonly' : 'sendonly',
    )
    return {
      status: 201,
      headers: {
        'Content-Type': 'application/sdp',
        Location: session.url,
        ETag: session.tag,
        Link: linksOf(protocol, session.url),
      },
      body: answer,
    }
  }

  const counterOffer = (protocol: string): Reply => {
    if (protocol === 'whip') return problem(400)
    const session = newSession('/whep', {})
    const section = [
      'm=video 9 UDP/TLS/RTP/SAVPF 96',
      'a=mid:0',
      'a=sendonly',
      'a=rtpmap:96 VP8/90000',
      ...transportLines(session.local, 'actpass'),
    ]
    const validUntil = new Date(Date.now() + 30_000).toUTCString()
    return {
      status: 406,
      headers: { 'Content-Type': `application/sdp; valid-until="${validUntil}"`, Location: session.url },
      body: [...head, 'a=group:BUNDLE 0', ...section, ''].join('\r\n'),
    }
  }

  const patch = ({ headers, body, session }: Call): Reply => {
    if (session === undefined) return problem(404)
    if (headers['content-type'] === 'application/sdp')
      return readDescription(body) === undefined ? problem(400) : empty(204)
    if (headers['content-type'] !== 'application/trickle-ice-sdpfrag') return problem(415)
    const lines = body.split('\r\n').filter((line) => line !== '')
    const [[ufrag], [password]] = [attributesOf(lines, 'ice-ufrag'), attributesOf(lines, 'ice-pwd')]
    if (ufrag === undefined || password === undefined) return problem(400)
    const condition = headers['if-match']
    if (condition === undefined) return problem(428)
    if (!['*', '"*"', session.tag].includes(condition)) return problem(412)
    if (ufrag === session.remote.ufrag && password === session.remote.password) return empty(204)
    if (password.length < 22) return problem(400)
    session.remote = { ufrag, password }
    session.local = newIceCredentials()
    session.tag = `"${++tags}"`
    const fragment = [
      'a=ice-lite',
      'a=ice-options:ice2',
      `a=ice-ufrag:${session.local.ufrag}`,
      `a=ice-pwd:${session.local.password}`,
      'm=audio 9 UDP/TLS/RTP/SAVPF 0',
      'a=mid:0',
      '',
    ]
    return {
      status: 200,
      headers: { 'Content-Type': 'application/trickle-ice-sdpfrag', ETag: session.tag },
      body: fragment.join('\r\n'),
    }
  }

  const extension = ({ resource, method, body, session }: Call, path: string): Reply => {
    if (session === undefined) return problem(404)
    if (resource === 'stream') {
      if (!session.streams.has(path)) return problem(404)
      if (method === 'DELETE') session.streams.delete(path)
      return method === 'GET'
        ? {
            status: 200,
            headers: { 'Content-Type': 'text/event-stream' },
            body: 'event: active\ndata: {}\n\n',
          }
        : empty(200)
    }
    const value = parse(body)
    if (resource === 'layer') return value === undefined ? problem(400) : empty(200)
    if (!Array.isArray(value) || !value.every((name) => eventNames.includes(String(name))))
      return problem(400)
    const stream = `${session.url}/events/${randomUUID()}`
    session.streams.add(stream)
    return { status: 201, headers: { Location: stream }, body: '' }
  }

  const answerCall = (call: Call, path: string): Reply => {
    const { method, resource, protocol, session } = call
    if (method === 'OPTIONS') {
      const isPreflight = call.headers['access-control-request-method'] !== undefined
      return {
        status: 200,
        headers: {
          ...preflight,
          'Accept-Post': 'application/sdp',
          ...(isPreflight ? {} : { Link: iceServers }),
        },
        body: '',
      }
    }
    if (resource === 'endpoint') {
      if (method === 'POST') return post(call, path)
      if (method !== 'GET' && method !== 'HEAD')
        return { status: 405, headers: { Allow: 'GET, HEAD, POST, OPTIONS' }, body: '' }
      return {
        status: 200,
        headers: protocol === 'whep' ? { 'Content-Type': 'application/sdp' } : {},
        body: '',
      }
    }
    if (resource !== 'session') return extension(call, path)
    if (session === undefined) return problem(404)
    if (method === 'PATCH') return patch(call)
    if (method === 'DELETE') end(session)
    return empty(200)
  }

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const path = request.url ?? ''
    const [, protocol, , id, resource, stream] = path.split('/')
    const call: Call = {
      protocol: protocol === 'whep' ? 'whep' : 'whip',
      resource:
        id === undefined
          ? 'endpoint'
          : resource === undefined
            ? 'session'
            : resource === 'layer'
              ? 'layer'
              : stream === undefined
                ? 'events'
                : 'stream',
      method: request.method ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
      session: sessions.get(path.split('/').slice(0, 4).join('/')),
    }
    const reply = answerCall(call, path)
    reply.headers = { ...cors, ...reply.headers }
    if (reply.body !== '' || call.method !== 'GET')
      reply.headers['Content-Length'] = String(Buffer.byteLength(reply.body))
    const length = reply.body
    defect.reply?.(reply, call, { end })
    if (reply.body !== length) delete reply.headers['Content-Length']
    if (reply.status === 204) delete reply.headers['Content-Length']
    response.writeHead(reply.status, reply.headers)
    response.end(reply.body)
  }

  const server = createServer((request, response) => void serve(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    open: () => sessions.size,
    async stop() {
      socket.close()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const empty = (status: number): Reply => ({ status, headers: {}, body: '' })
const problem = (status: number): Reply => ({
  status,
  headers: { 'Content-Type': 'application/problem+json' },
  body: JSON.stringify({ title: 'refused', status }),
})

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function linksOf(protocol: string, url: string): string[] {
  const own =
    protocol === 'whip'
      ? [`<${url}/layer>; rel="urn:ietf:params:whip:ext:example:test"`]
      : [
          `<${url}/events>; rel="urn:ietf:params:whep:ext:core:server-sent-events"; events="${eventNames.join(',')}"`,
          `<${url}/layer>; rel="urn:ietf:params:whep:ext:core:layer"`,
        ]
  return [...iceServers, ...own]
}

const head = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=ice-lite', 'a=ice-options:ice2']

const transportLines = ({ ufrag, password }: IceCredentials, setup: string) => [
  `a=ice-ufrag:${ufrag}`,
  `a=ice-pwd:${password}`,
  `a=fingerprint:sha-256 ${Array.from({ length: 32 }, () => 'AB').join(':')}`,
  `a=setup:${setup}`,
  'a=rtcp-mux',
  'a=rtcp-mux-only',
]

function writeAnswer({ media }: Description, local: IceCredentials, port: number, direction: string): string {
  const sections = media.flatMap((offered) => {
    const mid = attributeOf(offered, 'mid') ?? ''
    const rids = attributesOf(offered, 'rid').map((value) => value.split(' ')[0] ?? '')
    return [
      `m=${mediaKindOf(offered)} ${port} UDP/TLS/RTP/SAVPF ${payloadTypesOf(offered).join(' ')}`,
      'c=IN IP4 127.0.0.1',
      `a=mid:${mid}`,
      `a=${direction}`,
      ...(direction === 'sendonly' ? [`a=msid:stream track-${mid}`] : []),
      ...transportLines(local, 'passive'),
      ...offered.filter((line) => line.startsWith('a=rtpmap:')),
      ...rids.map((rid) => `a=rid:${rid} recv`),
      ...(rids.length > 0 ? [`a=simulcast:recv ${rids.join(';')}`] : []),
      `a=candidate:1 1 udp 2130706431 127.0.0.1 ${port} typ host`,
      'a=end-of-candidates',
    ]
  })
  const mids = media.map((section) => attributeOf(section, 'mid') ?? '')
  return [...head, `a=group:BUNDLE ${mids.join(' ')}`, ...sections, ''].join('\r\n')
}

/** Requests of the suite end in MESSAGE-INTEGRITY and FINGERPRINT. */
function integrityOf(message: Buffer, password: string): boolean {
  const at = message.length - 8 - 24
  if (at < 20) return false
  const covered = Buffer.from(message.subarray(0, at))
  covered.writeUInt16BE(at - 20 + 24, 2)
  return createHmac('sha1', password)
    .update(covered)
    .digest()
    .equals(message.subarray(at + 4, at + 24))
}

function bindingSuccess(request: Buffer, password: string, withIntegrity: boolean): Buffer {
  const header = Buffer.from(request.subarray(0, 20))
  header.writeUInt16BE(0x0101, 0)
  header.writeUInt16BE(withIntegrity ? 24 : 0, 2)
  const code = createHmac('sha1', password).update(header).digest()
  return withIntegrity ? Buffer.concat([header, attribute(0x0008, code)]) : header
}
