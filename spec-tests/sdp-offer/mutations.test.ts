/** Whatever a client sends: an answer or a Problem, in bounded time. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { answerFaults } from '../support/jsep-answer.ts'
import { Problem } from '../../src/signalling/problem.ts'
import { play, playOffers, publish, publishOffers, readOffer } from '../sdp-offers/offers.ts'

const published = ['chromium-publish', 'ffmpeg', 'firefox-publish-simulcast', 'obs', 'obs-av1'] as const
const media = published.map((name) => publish(readOffer(name)).media)
const offers = [...publishOffers, ...playOffers].map((name) => readOffer(name).split('\r\n'))
const allLines = [...new Set(offers.flat())].filter((line) => line !== '')

/**
 * An answer to what may be a publisher's or a viewer's offer; undefined for a Problem, and for nothing else.
 */
function tryAnswer(make: () => { answer: string }): string | undefined {
  try {
    return make().answer
  } catch (error) {
    expect(error).toBeInstanceOf(Problem)
    expect([400, 422]).toContain((error as Problem).status)
    return undefined
  }
}

function tryAll(sdp: string): string[] {
  const answers = [tryAnswer(() => publish(sdp)), ...media.map((sent) => tryAnswer(() => play(sdp, sent)))]
  return answers.filter((answer) => answer !== undefined)
}

/** One line of an offer put elsewhere, dropped, doubled, exchanged or damaged. */
type Edit = (lines: string[]) => void
const place = fc.nat({ max: 400 })
const edit: fc.Arbitrary<Edit> = fc.oneof(
  place.map(
    (at): Edit =>
      (lines) =>
        void lines.splice(at % lines.length, 1),
  ),
  fc.tuple(place, fc.constantFrom(...allLines)).map(
    ([at, line]): Edit =>
      (lines) =>
        void lines.splice(at % lines.length, 0, line),
  ),
  fc.tuple(place, place).map(([from, to]): Edit => (lines) => {
    const [line = ''] = lines.splice(from % lines.length, 1)
    lines.splice(to % (lines.length + 1), 0, line)
  }),
  fc.tuple(place, fc.constantFrom(...allLines)).map(
    ([at, line]): Edit =>
      (lines) =>
        void (lines[at % lines.length] = line),
  ),
  fc
    .tuple(place, place, fc.string({ unit: 'binary', maxLength: 6 }))
    .map(([at, column, text]): Edit => (lines) => {
      const line = lines[at % lines.length] ?? ''
      const middle = column % (line.length + 1)
      lines[at % lines.length] = line.slice(0, middle) + text + line.slice(middle + text.length)
    }),
  fc.tuple(place, place).map(([at, number]): Edit => (lines) => {
    const line = lines[at % lines.length] ?? ''
    lines[at % lines.length] = line.replace(/\d+/, String(number - 50))
  }),
)
const damagedOffer = fc
  .tuple(fc.constantFrom(...offers), fc.array(edit, { minLength: 1, maxLength: 8 }))
  .map(([lines, edits]) => {
    const copy = [...lines]
    for (const apply of edits) if (copy.length > 0) apply(copy)
    return copy.join('\r\n')
  })

describe('offers that are not what they should be', () => {
  it('damaged offers of real clients get an answer that is well-formed, or a Problem', () => {
    let answered = 0
    fc.assert(
      fc.property(damagedOffer, (sdp) => {
        for (const answer of tryAll(sdp)) {
          answered++
          expect(answer.startsWith('v=0\r\n') && answer.endsWith('\r\n')).toBe(true)
          expect(answer).not.toMatch(/[^\r]\n|\r[^\n]|\r\n\r\n|undefined|NaN|\[object/)
          expect(answer.split(/^m=/m).length).toBe(sdp.split(/(?:^|[\r\n])m=/).length)
        }
      }),
      { numRuns: 500, seed: 8_866 },
    )
    expect(answered).toBeGreaterThan(500)
  })

  it('offers whose lines are only reordered get an answer that follows the rules, or a Problem', () => {
    const shuffled = fc.constantFrom(...offers).chain((lines) => {
      const sections = lines
        .join('\r\n')
        .split(/^(?=m=)/m)
        .map((section) => section.split('\r\n').filter((line) => line !== ''))
      const fixed = (section: string[]) => section.findIndex((line) => line.startsWith('a='))
      return fc
        .tuple(
          ...sections.map((section) => {
            const head = section.slice(0, fixed(section))
            return fc
              .shuffledSubarray(section.slice(head.length), { minLength: section.length - head.length })
              .map((tail) => [...head, ...tail])
          }),
        )
        .map((parts) => `${parts.flat().join('\r\n')}\r\n`)
    })
    let answered = 0
    fc.assert(
      fc.property(shuffled, (sdp) => {
        for (const answer of tryAll(sdp)) {
          answered++
          expect(answerFaults(sdp, answer)).toEqual([])
        }
      }),
      { numRuns: 100, seed: 9_429 },
    )
    expect(answered).toBeGreaterThan(100)
  })

  it('random text is a Problem', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 500 }),
        fc.constantFrom('', 'v=0\r\n', 'v=0\r\no=- 1 1 IN IP4 0\r\nm='),
        (text, start) => {
          expect(tryAll(start + text)).toEqual([])
        },
      ),
      { numRuns: 300, seed: 9_725 },
    )
  })

  /** Some milliseconds are usual; a parser that backtracks would take minutes. */
  const boundMs = 500
  const bytes = 200_000
  it.each([
    ['attributes', 'a='.padEnd(4_000, 'x')],
    ['spaces', 'a=rtpmap:96 VP8/90000'.padEnd(4_000)],
    ['brackets', `a=imageattr:96 send ${'[x]'.repeat(1_200)}`],
    ['brackets and spaces', `a=imageattr:96 send ${'[x] '.repeat(900)}`],
    ['dots', `a=ptime:${'1.'.repeat(1_900)}`],
    ['semicolons', `a=fmtp:96 ${';'.repeat(60)}`],
    ['simulcast', `a=simulcast:send ${'a;,'.repeat(1_200)}`],
    ['groups', `a=group:BUNDLE ${'0 '.repeat(1_900)}`],
    ['source filters', `a=source-filter:${' '.repeat(3_800)}`],
    ['candidates', `a=candidate:1 1 udp 1 192.0.2.1 1 typ host${' raddr'.repeat(600)}`],
    ['short lines', 'a='],
  ])('200 kB of %s take no more than half a second', (_, line) => {
    const sdp = readOffer('obs') + `${line}\r\n`.repeat(Math.ceil(bytes / (line.length + 2)))
    const before = performance.now()
    tryAnswer(() => publish(sdp))
    expect(performance.now() - before).toBeLessThan(boundMs)
  })
})
