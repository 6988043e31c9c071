/** The suite itself: each rule passes against a correct server and fails against one with a single defect. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Rule } from '../conformance/rule.ts'
import { rules } from '../conformance/rules/index.ts'
import { runRule } from '../conformance/run.ts'
import { startFakeServer, TOKEN } from './correct-server.ts'
import type { FakeServer } from './correct-server.ts'
import { defects } from './defects.ts'

const targetOf = ({ url }: { readonly url: string }) => ({
  whip: `${url}/whip/entry`,
  whep: `${url}/whep/entry`,
  token: TOKEN,
  playToken: TOKEN,
})
const numberOf = ({ id }: Rule) => id.split('/').at(-1) ?? ''
/** Needs a certificate that a stranger's Node would trust. */
const overHttps = 'W36.1'
const tried = rules.filter((rule) => numberOf(rule) !== overHttps)

it('knows a defect for each rule, and no other', () => {
  expect(Object.keys(defects).toSorted()).toEqual([...new Set(tried.map(numberOf))].toSorted())
})

it('has no two rules with one id in a protocol', () => {
  const ids = rules.map(({ protocol, id }) => `${protocol} ${id}`)
  expect(new Set(ids).size).toBe(ids.length)
})

describe('a correct server', () => {
  let server: FakeServer
  beforeAll(async () => {
    server = await startFakeServer()
  })
  afterAll(() => server.stop())

  it.for(tried)('passes $protocol $id, and no session is left', async (rule) => {
    const { verdict, reason } = await runRule(rule, targetOf(server))
    expect(`${verdict} ${reason}`.trim()).toBe('pass')
    expect(server.open()).toBe(0)
  })
})

describe('a server with one defect', () => {
  it.for(tried)('fails $protocol $id', async (rule) => {
    const server = await startFakeServer(defects[numberOf(rule)])
    try {
      const { verdict, reason } = await runRule(rule, targetOf(server))
      expect(`${verdict}: ${reason}`).toMatch(/^fail: ./)
    } finally {
      await server.stop()
    }
  })
})

describe('W36.1', () => {
  const [rule] = rules.filter(({ id }) => id === overHttps)
  it('fails over plain HTTP', async () => {
    expect((await runRule(rule!, { whip: 'http://whip.example/live' })).verdict).toBe('fail')
  })
  it('says nothing of loopback', async () => {
    expect((await runRule(rule!, { whip: 'http://localhost:8080/whip/live' })).verdict).toBe('not testable')
  })
})

describe('a server that offers nothing optional', () => {
  it('has rules that do not apply, and fails none for them', async () => {
    const server = await startFakeServer({
      reply(reply, call) {
        if (call.method === 'PATCH') reply.status = 405
        if (call.resource === 'endpoint') {
          delete reply.headers['Link']
          delete reply.headers['ETag']
          if (reply.status === 406) reply.status = 400
        }
      },
    })
    try {
      const optional = tried.filter((rule) =>
        /^(W(14|15\.[123]|19|20|21|23|32|35)|P2\.|P3\.|E)/.test(numberOf(rule)),
      )
      expect(optional.length).toBeGreaterThan(30)
      for (const rule of optional) {
        const { verdict } = await runRule(rule, targetOf(server))
        expect(`${rule.id} ${verdict}`).toBe(`${rule.id} not applicable`)
      }
    } finally {
      await server.stop()
    }
  })
})
