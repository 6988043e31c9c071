/** RFC 9457: unknown addresses and defects. */
import { expect, test } from 'vitest'
import { startControlWing } from '../support/control-wing.ts'
import { publishOffer } from '../support/offers.ts'

test('an unknown address answers 404 not-found', async () => {
  const wing = await startControlWing()
  for (const path of ['/nothing', '/whip', '/whip/a/b/c', '/assets/../main.js', '/assets/nothing.js']) {
    const response = await wing.request(path)
    expect(response.status).toBe(404)
    expect(response.headers.get('Content-Type')).toBe('application/problem+json')
    expect(await response.json()).toMatchObject({ code: 'not-found' })
  }
  await wing.stop()
})

test('a defect answers 500 without a word of what it was, and the log has it', async () => {
  const wing = await startControlWing({
    authorizer: { authorize: () => Promise.reject(new Error('the inner workings')) },
  })
  const response = await wing.postSdp('/whip/live', publishOffer())
  const text = await response.text()
  await wing.stop()
  expect(response.status).toBe(500)
  expect(JSON.parse(text)).toMatchObject({ code: 'internal-error' })
  expect(text).not.toContain('inner workings')
  expect(wing.logLines.join('')).toContain('inner workings')
})
