/** Results for people, for programs, and the table of rules for the documentation. */
import type { Level, Rule } from './rule.ts'
import type { Result, Verdict } from './run.ts'

const levels: readonly Level[] = ['MUST', 'SHOULD', 'MAY', 'PRACTICE']

export const hasFailedMust = (results: readonly Result[]): boolean =>
  results.some(({ rule, verdict }) => rule.level === 'MUST' && verdict === 'fail')

const count = (results: readonly Result[], verdict: Verdict) =>
  results.filter((result) => result.verdict === verdict).length

/** Failures of MUST first, then the other failures, then what is not known, then what there is not, then passes. */
export function textReport(results: readonly Result[]): string {
  const of = (verdict: Verdict) => results.filter((result) => result.verdict === verdict)
  const lines: string[] = []
  for (const level of levels) {
    const failures = of('fail').filter(({ rule }) => rule.level === level)
    if (failures.length > 0)
      lines.push(`FAILED: ${level} (${failures.length})`, ...failures.flatMap(explain), '')
  }
  for (const verdict of ['not testable', 'not applicable', 'pass'] as const) {
    const title = { 'not testable': 'Not testable', 'not applicable': 'Not applicable', pass: 'Passed' }[
      verdict
    ]
    if (of(verdict).length > 0) lines.push(`${title} (${of(verdict).length})`, ...byReason(of(verdict)), '')
  }
  return [...lines, summary(results)].join('\n')
}

const nameOf = ({ rule }: Result) => `${rule.protocol.toUpperCase()} ${rule.id}`

const explain = (result: Result): string[] => [
  `  ${nameOf(result)}, ${result.rule.source}`,
  `    sent:     ${result.rule.sends}`,
  `    expected: ${result.rule.expects}`,
  `    got:      ${result.reason}`,
]

/** One thing that a server does not offer keeps many rules from being tried: it is said once. */
function byReason(results: readonly Result[]): string[] {
  const groups = new Map<string, Result[]>()
  for (const result of results) groups.set(result.reason, [...(groups.get(result.reason) ?? []), result])
  return [...groups].flatMap(([reason, group]) => [
    ...wrap(group.map(nameOf)),
    ...(reason === '' ? [] : [`    ${reason}`]),
  ])
}

export function summary(results: readonly Result[]): string {
  const failedMust = results.filter(({ rule, verdict }) => verdict === 'fail' && rule.level === 'MUST').length
  return `${count(results, 'pass')} passed, ${count(results, 'fail')} failed (${failedMust} MUST), ${count(results, 'not applicable')} not applicable, ${count(results, 'not testable')} not testable`
}

function wrap(words: readonly string[]): string[] {
  const lines: string[] = []
  for (const word of words) {
    const last = lines.at(-1)
    if (last === undefined || last.length + word.length > 110) lines.push(`  ${word}`)
    else lines[lines.length - 1] = `${last}, ${word}`
  }
  return lines
}

export function jsonReport(results: readonly Result[]): string {
  const rows = results.map(({ rule, verdict, reason }) => ({
    id: rule.id,
    protocol: rule.protocol,
    level: rule.level,
    source: rule.source,
    sent: rule.sends,
    expected: rule.expects,
    verdict,
    ...(reason === '' ? {} : { reason }),
  }))
  return JSON.stringify({ conforms: !hasFailedMust(results), results: rows }, undefined, 2)
}

export function markdownTable(rules: readonly Rule[]): string {
  const rows = rules.map(({ id, source, level, sends, expects }) => [id, source, level, sends, expects])
  return markdown(['Rule', 'Source', 'Level', 'Sent', 'Expected'], rows)
}

export const markdownOfUnchecked = (
  rules: readonly { readonly id: string; readonly rule: string; readonly why: string }[],
): string =>
  markdown(
    ['Rule', 'What it says', 'Why it cannot be checked'],
    rules.map(({ id, rule, why }) => [id, rule, why]),
  )

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const escaped = rows.map((cells) => cells.map((cell) => cell.replaceAll('|', '\\|')))
  return [head, head.map(() => '---'), ...escaped].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
