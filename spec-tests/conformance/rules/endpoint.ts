/** Endpoints as HTTP resources: methods, media types, CORS (RFC 9725 sections 4.1 and 4.2, and the same of WHEP). */
import { describe, ORIGIN, SDP } from '../bench.ts'
import type { Bench } from '../bench.ts'
import { exchange, isClientError, isSuccess, mediaTypeOf } from '../http-exchange.ts'
import type { HttpAnswer } from '../http-exchange.ts'
import { writeOffer, newIceCredentials } from '../offers.ts'
import type { RuleText } from '../rule.ts'
import { expect, NotApplicable, Violation } from '../rule.ts'

const usage = { whip: '4.1', whep: '4.1' }
const badOffer = { whip: '4.2', whep: '4.3.4' }

const preflight = (url: string, method: string, headers: string): Promise<HttpAnswer> =>
  exchange({
    method: 'OPTIONS',
    url,
    headers: {
      Origin: ORIGIN,
      'Access-Control-Request-Method': method,
      'Access-Control-Request-Headers': headers,
    },
  })

const listOf = (answer: HttpAnswer, name: string): string[] =>
  answer
    .headerLines(name)
    .flatMap((line) => line.split(','))
    .map((entry) => entry.trim().toLowerCase())

function expectOrigin(answer: HttpAnswer): void {
  const allowed = answer.header('Access-Control-Allow-Origin')
  expect(allowed === '*' || allowed === ORIGIN, `Access-Control-Allow-Origin is ${allowed ?? 'missing'}`)
}

/** Fetch standard, CORS-preflight fetch: '*' covers every header but Authorization. */
function expectPreflight(answer: HttpAnswer, method: string, headers: readonly string[]): void {
  expect(isSuccess(answer), describe(answer))
  expectOrigin(answer)
  const methods = listOf(answer, 'Access-Control-Allow-Methods')
  const isSimple = method === 'POST' // Fetch: GET, HEAD and POST need not be listed
  expect(
    isSimple || methods.includes(method.toLowerCase()) || methods.includes('*'),
    `${method} is not among the allowed methods: ${methods.join(', ')}`,
  )
  const allowed = listOf(answer, 'Access-Control-Allow-Headers')
  for (const name of headers) {
    const covered = allowed.includes(name) || (name !== 'authorization' && allowed.includes('*'))
    expect(covered, `the header ${name} is not among the allowed ones: ${allowed.join(', ')}`)
  }
}

async function expectRefused(bench: Bench, body: string, type: string): Promise<void> {
  const answer = await bench.post(body, { 'Content-Type': type })
  expect(isClientError(answer), describe(answer))
}

function expectNoContent(answer: HttpAnswer): void {
  expect(isSuccess(answer) && answer.body === '', describe(answer))
}

export const endpointRules: readonly RuleText[] = [
  {
    number: 'W1.1',
    sections: usage,
    level: 'MUST',
    sends: 'GET on the endpoint',
    expects: '2xx without content',
    check: async (bench) => expectNoContent(await bench.request({ method: 'GET', url: bench.endpoint })),
  },
  {
    number: 'W1.2',
    sections: usage,
    level: 'MUST',
    sends: 'GET on a session',
    expects: '2xx without content',
    async check(bench) {
      const { url } = await bench.open()
      expectNoContent(await bench.request({ method: 'GET', url }))
    },
  },
  {
    number: 'W1.3',
    sections: { ...usage, other: 'RFC 9110 section 15.5.6' },
    level: 'MUST',
    sends: 'PUT on the endpoint',
    expects: 'an error; a 405 says in Allow what is possible',
    async check(bench) {
      const answer = await bench.request({
        method: 'PUT',
        url: bench.endpoint,
        body: 'x',
        headers: { 'Content-Type': SDP },
      })
      expect(answer.status >= 400, describe(answer))
      if (answer.status !== 405) throw new NotApplicable(describe(answer))
      expect(answer.header('Allow') !== undefined, '405 without Allow')
    },
  },
  {
    number: 'P1.1',
    sections: { whep: '4.2' },
    level: 'SHOULD',
    sends: 'HEAD on the endpoint',
    expects: '200 with Content-Type application/sdp',
    async check(bench) {
      const answer = await bench.request({ method: 'HEAD', url: bench.endpoint })
      expect(answer.status === 200, describe(answer))
      expect(mediaTypeOf(answer) === SDP, `Content-Type is ${answer.header('Content-Type') ?? 'missing'}`)
    },
  },
  {
    number: 'P1.2',
    sections: { whep: '4.2' },
    level: 'MUST',
    sends: 'HEAD, then GET on the endpoint',
    expects: 'the same status and Content-Type',
    async check(bench) {
      const head = await bench.request({ method: 'HEAD', url: bench.endpoint })
      if (!isSuccess(head)) throw new NotApplicable(describe(head))
      const get = await bench.request({ method: 'GET', url: bench.endpoint })
      expect(head.status === get.status, `HEAD gives ${head.status}, GET ${get.status}`)
      expect(
        mediaTypeOf(head) === mediaTypeOf(get),
        `HEAD says "${mediaTypeOf(head)}", GET "${mediaTypeOf(get)}"`,
      )
    },
  },
  {
    number: 'W2.1',
    sections: badOffer,
    level: 'MUST',
    sends: 'POST of a good offer as text/plain',
    expects: '4xx',
    check: (bench) =>
      expectRefused(bench, writeOffer({ direction: bench.offered, ice: newIceCredentials() }), 'text/plain'),
  },
  {
    number: 'W2.2',
    sections: badOffer,
    level: 'MUST',
    sends: 'POST of words that are no SDP as application/sdp',
    expects: '4xx',
    check: (bench) => expectRefused(bench, 'this is no session description\r\n', SDP),
  },
  {
    number: 'W2.3',
    sections: badOffer,
    level: 'MUST',
    sends: 'POST of an offer that ends in the middle of its first m-section',
    expects: '4xx',
    check: (bench) =>
      expectRefused(
        bench,
        writeOffer({ direction: bench.offered, ice: newIceCredentials() }).slice(0, 190),
        SDP,
      ),
  },
  {
    number: 'W5.1',
    sections: usage,
    level: 'MAY',
    sends: 'POST of words that are no SDP',
    expects:
      'where the error is application/problem+json: a JSON object of RFC 9457, whose status is that of the answer',
    async check(bench) {
      const answer = await bench.post('this is no session description\r\n')
      if (mediaTypeOf(answer) !== 'application/problem+json') throw new NotApplicable(describe(answer))
      const problem = parseJson(answer.body)
      expect(typeof problem === 'object' && problem !== null, describe(answer))
      const status = 'status' in problem ? problem.status : undefined
      expect(
        status === undefined || status === answer.status,
        `status ${String(status)} in a ${answer.status}`,
      )
    },
  },
  {
    number: 'W6.1',
    sections: { whip: '4.2', whep: '4.4' },
    level: 'MUST',
    sends: 'preflight for POST with Content-Type and Authorization, without a token',
    expects: '2xx that allows them to every origin',
    check: async (bench) =>
      expectPreflight(await preflight(bench.endpoint, 'POST', 'authorization,content-type'), 'POST', [
        'authorization',
        'content-type',
      ]),
  },
  {
    number: 'W6.2',
    sections: { whip: '4.2', whep: '4.4' },
    level: 'SHOULD',
    sends: 'OPTIONS on the endpoint',
    expects: '200 with Accept-Post: application/sdp',
    async check(bench) {
      const answer = await bench.request({ method: 'OPTIONS', url: bench.endpoint })
      expect(answer.status === 200, describe(answer))
      expect(
        listOf(answer, 'Accept-Post').includes(SDP),
        `Accept-Post is ${answer.header('Accept-Post') ?? 'missing'}`,
      )
    },
  },
  {
    number: 'W6.3',
    sections: { whip: '4.2', whep: '4.4' },
    level: 'MUST',
    sends: 'POST from another origin',
    expects: 'the 201 lets the page read Location, and ETag and Link where there are any',
    async check(bench) {
      const { created } = await bench.open({}, { Origin: ORIGIN })
      expectOrigin(created)
      const exposed = listOf(created, 'Access-Control-Expose-Headers')
      for (const name of ['Location', 'ETag', 'Link'])
        if (created.header(name) !== undefined)
          expect(
            exposed.includes(name.toLowerCase()) || exposed.includes('*'),
            `${name} is not exposed: ${exposed.join(', ')}`,
          )
    },
  },
  {
    number: 'W6.5',
    sections: { whip: '4.2', whep: '4.4' },
    level: 'MUST',
    sends: 'OPTIONS from another origin that is no preflight, as pages send it to learn of ICE servers',
    expects: '2xx that the page may read',
    async check(bench) {
      const answer = await bench.request({
        method: 'OPTIONS',
        url: bench.endpoint,
        headers: { Origin: ORIGIN },
      })
      expect(isSuccess(answer), describe(answer))
      expectOrigin(answer)
    },
  },
  {
    number: 'W6.4',
    sections: { whip: '4.2', whep: '4.4' },
    level: 'MUST',
    sends: 'preflights for PATCH with If-Match and for DELETE on a session',
    expects: '2xx that allows them to every origin',
    async check(bench) {
      const { url } = await bench.open()
      expectPreflight(await preflight(url, 'PATCH', 'authorization,content-type,if-match'), 'PATCH', [
        'authorization',
        'content-type',
        'if-match',
      ])
      expectPreflight(await preflight(url, 'DELETE', 'authorization'), 'DELETE', ['authorization'])
    },
  },
]

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new Violation(`not JSON: ${text.slice(0, 80)}`)
  }
}
