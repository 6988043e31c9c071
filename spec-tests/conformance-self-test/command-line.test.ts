/** The command line of the conformance suite, as strangers run it. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { markdownOfUnchecked, markdownTable } from '../conformance/report.ts'
import { rules, uncheckedRules } from '../conformance/rules/index.ts'
import { startFakeServer, TOKEN } from './correct-server.ts'
import type { Defect, FakeServer } from './correct-server.ts'

const mainFile = fileURLToPath(new URL('../../dist-conformance/conformance/main.js', import.meta.url))

async function run(
  ...args: readonly string[]
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [mainFile, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, stdout, stderr }
}

const against = ({ url }: FakeServer, ...more: readonly string[]) =>
  run(
    '--whip',
    `${url}/whip/entry`,
    '--whep',
    `${url}/whep/entry`,
    '--token',
    TOKEN,
    '--play-token',
    TOKEN,
    ...more,
  )

async function withDefect(defect: Defect, use: (server: FakeServer) => Promise<void>): Promise<void> {
  const server = await startFakeServer(defect)
  try {
    await use(server)
  } finally {
    await server.stop()
  }
}

describe('a server that conforms', () => {
  let server: FakeServer
  beforeAll(async () => {
    server = await startFakeServer()
  })
  afterAll(() => server.stop())

  it('ends with 0, and no session is left', async () => {
    const { code, stdout } = await against(server)
    expect(stdout).toMatch(/\d{3} passed, 0 failed \(0 MUST\), 0 not applicable, 2 not testable\n$/)
    expect(code).toBe(0)
    expect(server.open()).toBe(0)
  })

  it('is asked about one protocol alone when one URL is given', async () => {
    const { stdout } = await run('--whep', `${server.url}/whep/entry`, '--play-token', TOKEN, '--json')
    const { conforms, results } = JSON.parse(stdout) as {
      conforms: boolean
      results: { protocol: string; verdict: string }[]
    }
    expect(conforms).toBe(true)
    expect(results.length).toBeGreaterThan(50)
    expect(results.every(({ protocol }) => protocol === 'whep')).toBe(true)
  })

  it('is asked for the rules of --only alone', async () => {
    const { code, stdout } = await against(server, '--only', 'W19.1,P7/W19.1')
    expect(stdout).toContain('2 passed, 0 failed')
    expect(code).toBe(0)
  })
})

it('a broken MUST ends with 1 and comes first, with what was sent, expected and got', async () => {
  const defect: Defect = {
    reply(reply, call) {
      if (call.method === 'OPTIONS') delete reply.headers['Accept-Post']
      if (call.resource === 'endpoint' && call.method === 'GET') reply.status = 405
    },
  }
  await withDefect(defect, async (server) => {
    const { code, stdout } = await against(server)
    expect(stdout).toMatch(
      /^FAILED: MUST \(3\)\n {2}WHIP W1\.1, RFC 9725 section 4\.1\n {4}sent: .*\n {4}expected: .*\n {4}got: .* 405/,
    )
    expect(stdout.indexOf('FAILED: SHOULD (2)')).toBeGreaterThan(0)
    expect(code).toBe(1)
  })
})

it('a broken SHOULD alone ends with 0', async () => {
  const defect: Defect = {
    reply(reply, call) {
      if (call.method === 'OPTIONS') delete reply.headers['Accept-Post']
    },
  }
  await withDefect(defect, async (server) => {
    const { code, stdout } = await against(server, '--only', 'W6.2')
    expect(stdout).toContain('1 failed (0 MUST)')
    expect(code).toBe(0)
  })
})

it.for([
  { what: 'no URL', args: [], says: 'Usage' },
  { what: 'an unknown flag', args: ['--whop', 'x'], says: '--whop' },
  { what: 'no HTTP URL', args: ['--whip', 'rtmp://example.net/live'], says: 'Not an HTTP URL' },
  {
    what: 'a server that is not there',
    args: ['--whip', 'http://127.0.0.1:9/whip'],
    says: 'cannot be reached',
  },
])('$what ends with 2 and says why', async ({ args, says }) => {
  const { code, stderr } = await run(...args)
  expect(stderr).toContain(says)
  expect(code).toBe(2)
})

it('--table prints what the documentation holds', async () => {
  const { stdout } = await run('--table')
  const tables = stdout.trim().split('\n\n')
  expect(tables).toEqual([markdownTable(rules), markdownOfUnchecked(uncheckedRules)])
  const documentation = readFileSync('docs/conformance.md', 'utf8')
  for (const table of tables) expect(documentation).toContain(`\n${table}\n`)
})
