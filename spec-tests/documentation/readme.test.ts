/** What README says about settings, errors and tests agrees with the code. */
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Setting } from '../../src/config/settings.ts'
import { flagOf, settingNames, settings, variableOf } from '../../src/config/settings.ts'

const readme = readFileSync('README.md', 'utf8')

/** Rows of the table whose head begins with `title`, as cells without back-ticks. */
function tableRows(title: string): string[][] {
  const lines = readme.split('\n')
  const head = lines.findIndex((line) => line.startsWith(`| ${title} |`))
  const rest = lines.slice(head + 2)
  return rest
    .slice(
      0,
      rest.findIndex((line) => !line.startsWith('|')),
    )
    .map((line) =>
      line
        .replaceAll('`', '')
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
}

describe('the configuration table', () => {
  const rows = tableRows('Flag')

  it('has a row for each setting, in the order of --help', () => {
    const expected = settingNames.map((name) => {
      const { placeholder } = settings[name] as Setting
      return [`--${flagOf(name)}${placeholder === undefined ? '' : ` ${placeholder}`}`, variableOf(name)]
    })
    expect(rows.map((row) => row.slice(0, 2))).toEqual(expected)
  })

  it('names the defaults', () => {
    const documented = new Map(rows.map(([, variable, fallback]) => [variable, fallback]))
    for (const name of settingNames) {
      const { fallback, placeholder } = settings[name] as Setting
      if (placeholder !== undefined && fallback !== undefined && fallback !== '') {
        expect(documented.get(variableOf(name)), variableOf(name)).toBe(fallback)
      }
    }
  })
})

describe('the table of errors', () => {
  it('has every problem code with its status', () => {
    const source = readFileSync('src/signalling/problem.ts', 'utf8')
    const codes = [...source.matchAll(/^ {2}\| '([a-z-]+)' \/\/ (\d{3})/gm)].map(([, code, status]) => [
      code,
      status,
    ])
    expect(codes.length).toBeGreaterThan(10)
    const documented = tableRows('Code').map(([code, status]) => [code, status])
    expect(documented.toSorted()).toEqual(codes.toSorted())
  })
})

describe('files', () => {
  it('are there when README names them', () => {
    const named = [
      ...readme.matchAll(/\]\(([\w./-]+)\)/g),
      ...readme.matchAll(/[`@ ]((?:spec-tests|docker|src|\.ci)\/[\w./-]*\w)/g),
    ].map(([, path]) => path)
    expect(named.length).toBeGreaterThan(5)
    expect(named.filter((path) => path !== undefined && !existsSync(path))).toEqual([])
  })
})

it('gives the two commands that CI runs', () => {
  expect(readme).toContain('    npm ci && npm start\n')
  expect(readme).toContain('    npm ci && npm test\n')
})
