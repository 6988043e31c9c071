/** What a rule is, and how its check says how it went: it returns when the server conforms, and throws one of these when not. */
import type { Bench } from './bench.ts'

export type Protocol = 'whip' | 'whep'

/** PRACTICE is no RFC's word: what widely used clients cannot do without. */
export type Level = 'MUST' | 'SHOULD' | 'MAY' | 'PRACTICE'

export interface Rule {
  /** Such as 'W19.2'; what WHEP takes over from WHIP is 'P7/W19.2'. */
  readonly id: string
  readonly protocol: Protocol
  /** RFC or draft, and section. */
  readonly source: string
  readonly level: Level
  readonly sends: string
  readonly expects: string
  check(bench: Bench): Promise<void>
}

/** The server breaks the rule. */
export class Violation extends Error {}
/** The rule is about something optional that the server does not offer. */
export class NotApplicable extends Error {}
/** The rule could not be tried, so nothing is known. */
export class NotTestable extends Error {}

export function expect(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Violation(otherwise)
}

/** Which section of which document says it; undefined where the document does not. */
interface Sections {
  readonly whip?: string
  readonly whep?: string
  /** Another document that both rest on. */
  readonly other?: string
}

export type RuleText = Omit<Rule, 'id' | 'protocol' | 'source'> & {
  readonly number: string
  readonly sections: Sections
}

const whipNumbersInWhep: readonly (readonly [last: number, inWhep: string])[] = [
  [1, 'P1'],
  [2, 'P4'],
  [3, 'P2'],
  [5, 'P4'],
  [23, 'P7'],
  [29, 'P8'],
  [36, 'P9'],
]

/** The rule once for each protocol that has it. */
export function rulesOf({ number, sections, ...rest }: RuleText): Rule[] {
  const rules: Rule[] = []
  const { whip, whep, other } = sections
  const source = (own: string) => (other === undefined ? own : `${other}, ${own}`)
  if (whip !== undefined)
    rules.push({ ...rest, id: number, protocol: 'whip', source: source(`RFC 9725 section ${whip}`) })
  if (whep !== undefined) {
    const whipNumber = Number(/^W(\d+)/.exec(number)?.[1])
    const inWhep = whipNumbersInWhep.find(([last]) => whipNumber <= last)?.[1]
    const id = inWhep === undefined ? (whip === undefined ? number : `P/${number}`) : `${inWhep}/${number}`
    const document = number.startsWith('E') ? 'WHEP core extensions' : 'WHEP draft'
    rules.push({ ...rest, id, protocol: 'whep', source: source(`${document} section ${whep}`) })
  }
  return rules
}
