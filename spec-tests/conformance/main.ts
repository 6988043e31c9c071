/** The command line of the conformance suite. */
import { parseArgs } from 'node:util'
import type { Target } from './bench.ts'
import { exchange } from './http-exchange.ts'
import { hasFailedMust, jsonReport, markdownOfUnchecked, markdownTable, textReport } from './report.ts'
import { rules, uncheckedRules } from './rules/index.ts'
import { runRules } from './run.ts'

const usage = `Checks a WHIP or WHEP server against RFC 9725, draft-ietf-wish-whep and the WHEP core extensions, from outside.

Usage: npm run conformance -- [--whip URL] [--whep URL] [options]

  --whip URL          a WHIP endpoint on which nobody publishes
  --whep URL          a WHEP endpoint on which somebody does; or of the same stream as --whip, for servers that need no media
  --idle-whep URL     a WHEP endpoint on which nobody publishes (default: that of --whep with another last segment)
  --token TOKEN       bearer token for publishing
  --play-token TOKEN  bearer token for playing
  --only IDS          some rules only, such as W19.1,P7/W19.1
  --json              the report as JSON
  --table             prints the rules as Markdown tables, and asks no server

Exit code: 0 when no MUST failed, 1 when one did, 2 when the suite could not run.`

function fail(message: string): never {
  console.error(message)
  process.exit(2)
}

function readArguments() {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  const options = {
    whip: text,
    whep: text,
    'idle-whep': text,
    token: text,
    'play-token': text,
    only: text,
    json: flag,
    table: flag,
    help: flag,
  } as const
  try {
    return parseArgs({ options, strict: true, allowPositionals: false }).values
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
  }
}

const values = readArguments()
if (values.help === true) {
  console.log(usage)
  process.exit(0)
}
if (values.table === true) {
  console.log(`${markdownTable(rules)}\n\n${markdownOfUnchecked(uncheckedRules)}`)
  process.exit(0)
}
const { whip, whep, 'idle-whep': idleWhep, token, 'play-token': playToken } = values
const endpoints = [whip, whep, idleWhep].filter((url) => url !== undefined)
if (whip === undefined && whep === undefined) fail(usage)
for (const url of endpoints) if (!/^https?:/.test(url) || !URL.canParse(url)) fail(`Not an HTTP URL: ${url}`)
for (const url of endpoints)
  await exchange({ method: 'OPTIONS', url }).catch((error: unknown) =>
    fail(`The server cannot be reached. ${String(error)}`),
  )

const wanted = values.only?.split(',')
const chosen = wanted === undefined ? rules : rules.filter(({ id }) => wanted.includes(id))
if (chosen.length === 0) fail(`There is no such rule: ${values.only ?? ''}`)
const given = { whip, whep, idleWhep, token, playToken }
const target = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Target

let done = 0
const results = await runRules(chosen, target, () => {
  if (values.json !== true && process.stderr.isTTY)
    process.stderr.write(`\r${++done} of ${chosen.length} rules`)
})
if (done > 0) process.stderr.write('\r\x1b[K')
console.log(values.json === true ? jsonReport(results) : textReport(results))
process.exitCode = hasFailedMust(results) ? 1 : 0
