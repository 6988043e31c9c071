/** Runs rules one after the other, each with a client of its own whose sessions are ended afterwards. */
import { Bench } from './bench.ts'
import type { Target } from './bench.ts'
import type { Rule } from './rule.ts'
import { NotApplicable, NotTestable } from './rule.ts'

export type Verdict = 'pass' | 'fail' | 'not applicable' | 'not testable'

export interface Result {
  readonly rule: Rule
  readonly verdict: Verdict
  /** What was seen; empty for a pass. */
  readonly reason: string
}

/** The slowest rule sends a dozen requests; a server that takes seconds for each will not be waited for. */
const RULE_TIMEOUT_MS = 30_000

export async function runRule(rule: Rule, target: Target, timeoutMs = RULE_TIMEOUT_MS): Promise<Result> {
  const bench = new Bench(rule.protocol, target)
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no verdict within ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    await Promise.race([rule.check(bench), tooLate])
    return { rule, verdict: 'pass', reason: '' }
  } catch (error) {
    return { rule, verdict: verdictOf(error), reason: error instanceof Error ? error.message : String(error) }
  } finally {
    clearTimeout(timer)
    await bench.cleanUp()
  }
}

/** A rule of a protocol whose URL is not given is left out. */
export async function runRules(
  rules: readonly Rule[],
  target: Target,
  onResult: (result: Result) => void = () => undefined,
): Promise<Result[]> {
  const results: Result[] = []
  for (const rule of rules) {
    if (target[rule.protocol] === undefined) continue
    const result = await runRule(rule, target)
    results.push(result)
    onResult(result)
  }
  return results
}

/** No answer, a broken one and a late one are failures too. */
function verdictOf(error: unknown): Verdict {
  if (error instanceof NotApplicable) return 'not applicable'
  return error instanceof NotTestable ? 'not testable' : 'fail'
}
