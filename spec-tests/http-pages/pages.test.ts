/** The built-in pages. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ControlWing } from '../support/control-wing.ts'
import { startControlWing } from '../support/control-wing.ts'

let wing: ControlWing
beforeAll(async () => {
  wing = await startControlWing()
})
afterAll(() => wing.stop())

test.each(['/', '/watch/live'])('%s is a page that may load from its own origin only', async (path) => {
  const response = await wing.request(path)
  expect(response.status).toBe(200)
  expect(response.headers.get('Content-Type')).toBe('text/html; charset=utf-8')
  const policy = response.headers.get('Content-Security-Policy') ?? ''
  expect(policy).toContain("default-src 'none'")
  expect(policy).not.toMatch(/unsafe|https?:|\*/)
})

test.each(['/', '/watch/live'])(
  'everything that %s refers to is there, and nothing is inline or elsewhere',
  async (path) => {
    const html = await (await wing.request(path)).text()
    const references = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map((match) => match[1] ?? '')
    expect(references.length).toBeGreaterThan(1)
    for (const reference of references) {
      if (reference === 'data:,') continue
      const target = new URL(reference, wing.url + path)
      expect(target.origin).toBe(wing.url)
      expect((await fetch(target)).status).toBe(200)
    }
    expect(html).not.toMatch(/<script(?![^>]*src=)|<style|\sstyle=|\son\w+=/)
  },
)

test('scripts and styles have their types', async () => {
  for (const [path, type] of [
    ['/assets/watch.js', 'text/javascript; charset=utf-8'],
    ['/assets/page.css', 'text/css; charset=utf-8'],
  ] as const) {
    const response = await wing.request(path)
    expect(response.headers.get('Content-Type')).toBe(type)
    expect(response.headers.get('X-Content-Type-Options')).toBe('nosniff')
  }
})

test('a name that no stream can have has no page', async () => {
  expect((await wing.request('/watch/a%20b')).status).toBe(404)
})
