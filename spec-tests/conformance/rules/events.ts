/** WHEP core extensions: server-sent events and the choice of layers. */
import { describe } from '../bench.ts'
import type { Bench, OpenSession } from '../bench.ts'
import type { HttpAnswer, Link } from '../http-exchange.ts'
import { exchange, isClientError, isSuccess, mediaTypeOf, readLinks } from '../http-exchange.ts'
import type { RuleText } from '../rule.ts'
import { expect, NotApplicable, NotTestable } from '../rule.ts'
import { parseJson } from './endpoint.ts'

const EVENTS = 'urn:ietf:params:whep:ext:core:server-sent-events'
const LAYER = 'urn:ietf:params:whep:ext:core:layer'
/** 'active' is due at once where the stream is live. */
const EVENT_WAIT_MS = 3_000

interface Extension {
  readonly session: OpenSession
  readonly link: Link
  readonly url: string
}

async function openWith(bench: Bench, rel: string): Promise<Extension> {
  const session = await bench.open()
  const link = readLinks(session.created).links.find((candidate) => candidate.rel === rel)
  if (link === undefined) throw new NotApplicable(`the 201 has no Link to ${rel}`)
  if (!URL.canParse(link.url, session.created.request.url)) throw new NotTestable(`no URL: ${link.url}`)
  return { session, link, url: new URL(link.url, session.created.request.url).href }
}

const postJson = (bench: Bench, url: string, value: unknown): Promise<HttpAnswer> =>
  bench.request({
    method: 'POST',
    url,
    body: JSON.stringify(value),
    headers: { 'Content-Type': 'application/json' },
  })

async function subscribe(
  bench: Bench,
): Promise<{ extension: Extension; created: HttpAnswer; stream: string }> {
  const extension = await openWith(bench, EVENTS)
  const created = await postJson(bench, extension.url, ['active', 'inactive'])
  const location = created.header('Location')
  if (created.status !== 201 || location === undefined || !URL.canParse(location, extension.url))
    throw new NotTestable(`no event stream: ${describe(created)}`)
  return { extension, created, stream: new URL(location, extension.url).href }
}

const readStream = (bench: Bench, url: string, enough: (text: string) => boolean): Promise<HttpAnswer> =>
  bench.request({
    method: 'GET',
    url,
    headers: { Accept: 'text/event-stream' },
    enough,
    timeoutMs: EVENT_WAIT_MS,
  })

const hasWholeEvent = (text: string) => /data:.*\r?\n\r?\n/.test(text)

export const eventRules: readonly RuleText[] = [
  {
    number: 'E2.1',
    sections: { whep: '4' },
    level: 'MUST',
    sends: 'POST of ["active","inactive"] to the events URL',
    expects: '201 with a Location',
    async check(bench) {
      const { url } = await openWith(bench, EVENTS)
      const answer = await postJson(bench, url, ['active', 'inactive'])
      expect(answer.status === 201, describe(answer))
      expect(
        URL.canParse(answer.header('Location') ?? '', url) && answer.header('Location') !== undefined,
        'no Location',
      )
    },
  },
  {
    number: 'E2.2',
    sections: { whep: '4' },
    level: 'MUST',
    sends: 'POST of ["active","conformance-unknown"] to the events URL',
    expects: '400, and nothing is created',
    async check(bench) {
      const { url } = await openWith(bench, EVENTS)
      const answer = await postJson(bench, url, ['active', 'conformance-unknown'])
      expect(answer.status === 400, describe(answer))
      expect(answer.header('Location') === undefined, 'a Location')
    },
  },
  {
    number: 'E3.1',
    sections: { whep: '4' },
    level: 'MUST',
    sends: 'GET on an event stream',
    expects:
      'text/event-stream; each event has its type and one data line of JSON; the first is not "inactive"',
    async check(bench) {
      const { stream } = await subscribe(bench)
      const answer = await readStream(bench, stream, hasWholeEvent).catch((error: unknown) => {
        throw new NotTestable(`no event within ${EVENT_WAIT_MS} ms, as if nobody published: ${String(error)}`)
      })
      expect(mediaTypeOf(answer) === 'text/event-stream', describe(answer))
      const block = answer.body.split(/\r?\n\r?\n/).find((text) => text.includes('data:')) ?? ''
      const values = (name: string) =>
        block
          .split(/\r?\n/)
          .filter((line) => line.startsWith(`${name}:`))
          .map((line) => line.slice(name.length + 1).trim())
      expect(
        values('data').length === 1 && values('event').length === 1,
        `not one event and one data line: ${block}`,
      )
      parseJson(values('data')[0] ?? '')
      expect(values('event')[0] === 'active', `the first event is ${values('event')[0] ?? ''}`)
    },
  },
  {
    number: 'E3.2',
    sections: { whep: '4' },
    level: 'MUST',
    sends: 'DELETE, then GET on an event stream',
    expects: '404',
    async check(bench) {
      const { stream } = await subscribe(bench)
      const removed = await bench.request({ method: 'DELETE', url: stream })
      expect(isSuccess(removed), describe(removed))
      const answer = await readStream(bench, stream, () => true)
      expect(answer.status === 404, describe(answer))
    },
  },
  {
    number: 'E3.3',
    sections: { whep: '4' },
    level: 'MUST',
    sends: 'DELETE on the session, then GET on its event stream',
    expects: 'an error: the streams die with the session',
    async check(bench) {
      const { extension, stream } = await subscribe(bench)
      await bench.remove(extension.session)
      const answer = await readStream(bench, stream, () => true)
      expect(isClientError(answer), describe(answer))
    },
  },
  {
    number: 'E5.1',
    sections: { whep: '5' },
    level: 'MUST',
    sends: 'POST of an offer',
    expects: 'where layers can be chosen, the "layers" event is offered too',
    async check(bench) {
      const { session } = await openWith(bench, LAYER)
      const events = readLinks(session.created).links.find(({ rel }) => rel === EVENTS)
      expect(events !== undefined, 'no Link to server-sent events')
      const names = events.parameters.get('events')
      expect(names === undefined || names.split(',').includes('layers'), `events="${names ?? ''}"`)
    },
  },
  {
    number: 'E5.2',
    sections: { whep: '5' },
    level: 'MUST',
    sends: 'POST of {"mediaId":"1"} (the video) to the layer URL: back to automatic',
    expects: '200',
    async check(bench) {
      const { url } = await openWith(bench, LAYER)
      const answer = await postJson(bench, url, { mediaId: '1' })
      expect(answer.status === 200, describe(answer))
    },
  },
  {
    number: 'E5.3',
    sections: { whep: '5' },
    level: 'MUST',
    sends: 'POST of words that are no JSON to the layer URL',
    expects: '4xx',
    async check(bench) {
      const { url } = await openWith(bench, LAYER)
      const answer = await exchange({
        method: 'POST',
        url,
        body: 'this is no JSON',
        headers: {
          'Content-Type': 'application/json',
          ...(bench.token === undefined ? {} : { Authorization: `Bearer ${bench.token}` }),
        },
      })
      expect(isClientError(answer), describe(answer))
    },
  },
]
