/** RFC 9725 section 4.2 and the Fetch standard: OPTIONS and pages of other origins. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ControlWing } from '../support/control-wing.ts'
import { startControlWing } from '../support/control-wing.ts'
import { publishOffer } from '../support/offers.ts'

let wing: ControlWing
beforeAll(async () => {
  wing = await startControlWing({ publishToken: 'secret', playToken: 'secret' })
})
afterAll(() => wing.stop())

const listed = (response: Response, header: string) =>
  response.headers.get(header)?.toLowerCase().split(/,\s*/) ?? []

test.each(['/whip/live', '/whep/live'])(
  'a preflight on %s needs no token, allows Authorization and says what may be posted',
  async (path) => {
    const response = await wing.request(path, {
      method: 'OPTIONS',
      headers: {
        Origin: 'https://example.com',
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization, content-type',
      },
    })
    expect(response.status).toBe(200)
    expect(response.headers.get('Accept-Post')).toBe('application/sdp')
    expect(response.headers.get('Access-Control-Allow-Origin')).toBe('*')
    expect(listed(response, 'Access-Control-Allow-Headers')).toEqual(
      expect.arrayContaining(['authorization', 'content-type', 'if-match']),
    )
    expect(listed(response, 'Access-Control-Allow-Methods')).toEqual(
      expect.arrayContaining(['post', 'patch', 'delete']),
    )
  },
)

test('a preflight on a session allows DELETE and PATCH', async () => {
  const response = await wing.request('/whip/live/00000000-0000-4000-8000-000000000000', {
    method: 'OPTIONS',
    headers: { Origin: 'https://example.com', 'Access-Control-Request-Method': 'DELETE' },
  })
  expect(response.ok).toBe(true)
  expect(listed(response, 'Access-Control-Allow-Methods')).toEqual(
    expect.arrayContaining(['patch', 'delete']),
  )
})

test('OPTIONS that is no preflight can be read by pages of other origins: they look for ICE servers so', async () => {
  const response = await wing.request('/whip/live', {
    method: 'OPTIONS',
    headers: { Origin: 'https://example.com' },
  })
  expect(response.headers.get('Access-Control-Allow-Origin')).toBe('*')
  expect(listed(response, 'Access-Control-Expose-Headers')).toContain('link')
})

test('OPTIONS that is no preflight answers 200 with Accept-Post and Allow', async () => {
  const response = await wing.request('/whip/live', { method: 'OPTIONS' })
  expect(response.status).toBe(200)
  expect(response.headers.get('Accept-Post')).toBe('application/sdp')
  expect(listed(response, 'Allow')).toContain('post')
})

test('answers and errors expose what a page has to read', async () => {
  for (const token of ['secret', 'wrong']) {
    const response = await wing.postSdp('/whip/exposed', publishOffer(), {
      Origin: 'https://example.com',
      Authorization: `Bearer ${token}`,
    })
    expect(response.headers.get('Access-Control-Allow-Origin')).toBe('*')
    expect(listed(response, 'Access-Control-Expose-Headers')).toEqual(
      expect.arrayContaining(['location', 'etag', 'link', 'retry-after']),
    )
  }
})
