/** For each rule, one way to break it and nothing else that the rule needs. */
import type { Call, Defect, Reply } from './correct-server.ts'

type Change = NonNullable<Defect['reply']>
type When = (reply: Reply, call: Call) => boolean

const onEndpoint =
  (method: string): When =>
  (_, call) =>
    call.resource === 'endpoint' && call.method === method
const onSession =
  (method: string): When =>
  (_, call) =>
    call.resource === 'session' && call.method === method
const status =
  (value: number): When =>
  (reply) =>
    reply.status === value
const both =
  (first: When, second: When): When =>
  (reply, call) =>
    first(reply, call) && second(reply, call)
const refused: When = (reply) => reply.status >= 400
const restarted = both(onSession('PATCH'), status(200))
const created = both(onEndpoint('POST'), status(201))
const countered = both(onEndpoint('POST'), status(406))
const isPreflight: When = (_, call) => call.headers['access-control-request-method'] !== undefined

const change = (when: When, how: (reply: Reply, call: Call) => void): Defect => ({
  reply: (reply, call) => {
    if (when(reply, call)) how(reply, call)
  },
})
const turnInto = (when: When, value: number): Defect => change(when, (reply) => (reply.status = value))
const drop = (when: When, header: string): Defect =>
  change(
    when,
    (reply) =>
      (reply.headers = Object.fromEntries(Object.entries(reply.headers).filter(([name]) => name !== header))),
  )
const set = (when: When, header: string, value: string | string[]): Defect =>
  change(when, (reply) => (reply.headers[header] = value))
const edit = (when: When, pattern: RegExp, replacement: string): Defect =>
  change(when, (reply) => (reply.body = reply.body.replaceAll(pattern, replacement)))
const all = (...defects: readonly Defect[]): Defect => ({
  reply: (...parameters: Parameters<Change>) => defects.forEach((defect) => defect.reply?.(...parameters)),
})
const sends =
  (text: string): When =>
  (_, call) =>
    call.body.includes(text)

let sequence = 0

export const defects: Readonly<Record<string, Defect>> = {
  'W1.1': turnInto(onEndpoint('GET'), 405),
  'W1.2': change(onSession('GET'), (reply) => (reply.body = 'a session')),
  'W1.3': drop(onEndpoint('PUT'), 'Allow'),
  'P1.1': drop(onEndpoint('HEAD'), 'Content-Type'),
  'P1.2': set(onEndpoint('HEAD'), 'Content-Type', 'text/html'),
  'W2.1': turnInto(both(onEndpoint('POST'), refused), 201),
  'W2.2': turnInto(both(onEndpoint('POST'), refused), 201),
  'W2.3': turnInto(both(onEndpoint('POST'), refused), 500),
  'W5.1': change(both(onEndpoint('POST'), refused), (reply) => (reply.body = 'no JSON')),
  'W6.1': drop(isPreflight, 'Access-Control-Allow-Headers'),
  'W6.2': drop(onEndpoint('OPTIONS'), 'Accept-Post'),
  'W6.3': drop(created, 'Access-Control-Expose-Headers'),
  'W6.4': set(isPreflight, 'Access-Control-Allow-Methods', 'GET, POST'),
  'W6.5': drop(onEndpoint('OPTIONS'), 'Access-Control-Allow-Origin'),
  'W3.1': turnInto(created, 200),
  'W3.2': set(created, 'Content-Type', 'text/plain'),
  'W3.3': drop(created, 'Location'),
  'W3.4': edit(created, /a=mid:1/g, 'a=mid:7'),
  'W3.5': edit(created, /opus\/48000\/2/g, 'PCMA/8000'),
  'W3.6': edit(created, /a=ice-pwd:.*\r\n/g, 'a=ice-pwd:short\r\n'),
  'W4.1': turnInto(both(onEndpoint('POST'), refused), 201),
  'W4.2': turnInto(both(onEndpoint('POST'), refused), 201),
  'W4.3': edit(created, /a=(sendonly|recvonly)/g, 'a=sendrecv'),
  'W4.4': edit(both(created, sends('a=sendrecv')), /a=(sendonly|recvonly)/g, 'a=sendrecv'),
  'W16.1': edit(created, /a=candidate:.*\r\n/g, ''),
  'W17.1': turnInto(
    both(created, (_, call) => !call.body.includes('a=candidate')),
    400,
  ),
  'W17.2': turnInto(both(created, sends('.local')), 400),
  'W24.1': edit(created, /a=group:BUNDLE .*/g, 'a=group:BUNDLE 0'),
  'W24.2': edit(created, /a=rtcp-mux\r\n/g, ''),
  'W24.3': edit(created, /a=rtcp-mux-only\r\n/g, ''),
  'W25.1': turnInto(both(onEndpoint('POST'), status(422)), 406),
  'W25.2': change(both(onEndpoint('POST'), status(422)), acceptHalf),
  'W25.3': change(both(onEndpoint('POST'), status(422)), acceptHalf),
  'P8.1': edit(created, /a=msid:stream track-1/g, 'a=msid:other track-1'),
  'W26.1': change(both(onEndpoint('POST'), status(422)), acceptHalf),
  'W27.1': edit(created, /a=setup:passive/g, 'a=setup:actpass'),
  'W27.2': edit(both(created, sends('a=setup:active')), /a=setup:passive/g, 'a=setup:active'),
  'W29.1': edit(created, /a=simulcast:recv .*/g, 'a=simulcast:recv l;m;h'),
  C1: drop(created, 'Content-Length'),
  C2: change(created, (reply) => (reply.headers['Location'] = String(reply.headers['Location']).slice(1))),
  C3: edit(created, /\r\n/g, '\n'),
  'A4.1': { stun: 'without integrity' },
  'A4.2': { stun: 'any password' },
  'W28.1': { stun: 'silent' },
  'W12.1': turnInto(both(onSession('PATCH'), refused), 204),
  'W12.2': turnInto(both(onSession('PATCH'), refused), 204),
  'W13.1': turnInto(restarted, 405),
  'W14.1': drop(created, 'ETag'),
  'W14.2': set(created, 'ETag', '"always the same"'),
  'W15.1': all(drop(created, 'ETag'), turnInto(status(428), 204)),
  'W15.2': turnInto(status(428), 204),
  'W15.3': turnInto(status(412), 204),
  'W15.4': turnInto((_, call) => call.method === 'DELETE' && call.headers['if-match'] !== undefined, 412),
  'W19.1': turnInto(both(onSession('PATCH'), status(204)), 200),
  'W19.2': set(both(onSession('PATCH'), status(204)), 'ETag', '"1"'),
  'W19.3': turnInto(both(onSession('PATCH'), sends('.local')), 400),
  C4: turnInto(both(onSession('PATCH'), sends('m=audio RTP/AVP 0')), 400),
  'W20.1': edit(restarted, /a=ice-pwd:.*\r\n/g, ''),
  'W20.2': drop(restarted, 'ETag'),
  'W20.3': turnInto(status(412), 204),
  'W20.4': edit(restarted, /a=ice-pwd:/g, 'a=ice-pwd:x'),
  C5: turnInto((_, call) => call.headers['if-match'] === '"*"', 412),
  'W21.1': edit(restarted, /a=ice-lite\r\n/g, ''),
  'W22.1': {
    reply(reply, call, server) {
      if (call.method === 'PATCH' && reply.status === 400 && call.session !== undefined)
        server.end(call.session)
    },
  },
  'W23.1': set(restarted, 'ETag', '"always the same"'),
  'W8.1': turnInto(onSession('DELETE'), 405),
  'W8.2': turnInto(status(404), 200),
  'W9.1': { stun: 'after the end' },
  C6: turnInto(onSession('DELETE'), 204),
  'W30.1': turnInto(status(307), 302),
  'W32.1': set(created, 'Link', '<turn:turn.example.net>; rel="ice-server"'),
  C7: change(created, (reply) => (reply.headers['Link'] = [[reply.headers['Link']].flat().join(', ')])),
  'W33.1': set(isPreflight, 'Link', '<stun:stun.example.net>; rel="ice-server"'),
  'W34.1': drop(status(401), 'WWW-Authenticate'),
  'W34.2': turnInto(status(401), 400),
  'W35.1': set(created, 'Link', '</x>; rel="urn:ietf:params:other:ext:x"'),
  'W36.2': change(created, (reply) => (reply.headers['Location'] = `/session/${++sequence}`)),
  'P2.1': drop(countered, 'Location'),
  'P2.2': edit(countered, /a=sendonly/g, 'a=recvonly'),
  'P2.3': set(countered, 'Content-Type', 'application/sdp; valid-until="in half a minute"'),
  'P3.1': turnInto(both(onSession('PATCH'), status(204)), 200),
  'P3.2': turnInto(both(onSession('PATCH'), refused), 204),
  'P6.1': drop(status(409), 'Retry-After'),
  'E2.1': turnInto((_, call) => call.resource === 'events', 200),
  'E2.2': turnInto((reply, call) => call.resource === 'events' && reply.status === 400, 201),
  'E3.1': edit((_, call) => call.resource === 'stream', /data: \{\}/g, 'data: {\ndata: }'),
  'E3.2': turnInto((_, call) => call.resource === 'stream', 200),
  'E3.3': turnInto((_, call) => call.resource === 'stream', 200),
  'E5.1': change(
    created,
    (reply) =>
      (reply.headers['Link'] = [reply.headers['Link'] ?? []]
        .flat()
        .map((link) => link.replace(',layers', ''))),
  ),
  'E5.2': turnInto((_, call) => call.resource === 'layer', 404),
  'E5.3': turnInto((_, call) => call.resource === 'layer', 200),
}

/** What RFC 9725 section 4.4.3 warns of: a session of which one part is missing. */
function acceptHalf(reply: Reply): void {
  reply.status = 201
  reply.body = 'v=0\r\ns=-\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nm=video 0 UDP/TLS/RTP/SAVPF 96\r\n'
}
