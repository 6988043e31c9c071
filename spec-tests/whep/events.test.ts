/** WHEP core extensions: server-sent events of a viewer's session. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MAX_SUBSCRIPTIONS_PER_SESSION } from '../../src/streams/viewer-subscriptions.ts'
import type { ControlWing } from '../support/control-wing.ts'
import { startControlWing } from '../support/control-wing.ts'
import { playOffer, publishOffer } from '../support/offers.ts'

let wing: ControlWing
let viewer: string
let publisher: string
beforeEach(async () => {
  wing = await startControlWing({ limits: { playBeforePublish: (stream) => stream === 'early' } })
  publisher = await wing.open('/whip/live', publishOffer())
  viewer = await wing.open('/whep/live', playOffer())
})
afterEach(() => wing.stop())

const idOf = (path: string) => path.split('/').at(-1) ?? ''

async function subscribe(path: string, types?: readonly string[]): Promise<string> {
  const response = await wing.request(`${path}/sse`, {
    method: 'POST',
    ...(types && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(types) }),
  })
  expect(response.status).toBe(201)
  expect(await response.text()).toBe('')
  return response.headers.get('Location') ?? ''
}

/** Opens an event stream; `next` resolves with its next message, or undefined at its end. */
async function listen(path: string) {
  const abort = new AbortController()
  const response = await wing.request(path, { signal: abort.signal })
  expect(response.status).toBe(200)
  expect(response.headers.get('Content-Type')).toBe('text/event-stream')
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  const decoder = new TextDecoder()
  let text = ''
  return {
    stop: () => abort.abort(),
    next: async (): Promise<string | undefined> => {
      for (;;) {
        const end = text.indexOf('\n\n')
        if (end >= 0) {
          const message = text.slice(0, end)
          text = text.slice(end + 2)
          return message
        }
        const { done, value } = await reader.read()
        if (done) return undefined
        text += decoder.decode(value, { stream: true })
      }
    },
  }
}

describe('the 201 of a viewer', () => {
  test('names the events by one Link and the layers by another, and that of a publisher neither', async () => {
    const response = await wing.postSdp('/whep/live', playOffer())
    const location = response.headers.get('Location')
    expect(response.headers.get('Link')).toBe(
      `<${location}/sse>; rel="urn:ietf:params:whep:ext:core:server-sent-events"; events="active,inactive,layers,viewercount,reconnect", ` +
        `<${location}/layer>; rel="urn:ietf:params:whep:ext:core:layer"`,
    )
    const published = await wing.postSdp('/whip/other', publishOffer())
    expect(published.headers.get('Link')).toBeNull()
  })
})

describe('subscribing', () => {
  test('answers 201 with an event stream of its own below the session', async () => {
    const first = await subscribe(viewer, ['active'])
    const second = await subscribe(viewer)
    expect(first).toMatch(new RegExp(`^${viewer}/sse/[0-9a-f-]{36}$`))
    expect(second).not.toBe(first)
  })

  test.each([
    ['an event that does not exist', '["active","nonsense"]', 400, 'unknown-event'],
    ['an event that is not offered', '["scte35"]', 400, 'unknown-event'],
    ['a name that is no text', '[1]', 400, 'unknown-event'],
    ['something else than an array', '{"active":true}', 400, 'invalid-request'],
    ['no JSON', 'active', 400, 'invalid-request'],
  ])('to %s is refused, and nothing is created', async (_, body, status, code) => {
    const response = await wing.request(`${viewer}/sse`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
    })
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ code })
    expect(response.headers.get('Location')).toBeNull()
    expect(wing.streams.size.subscriptions).toBe(0)
  })

  test('with another content type answers 415', async () => {
    const response = await wing.request(`${viewer}/sse`, { method: 'POST', body: '["active"]' })
    expect(response.status).toBe(415)
  })

  test('of a publisher, or of a session that does not exist, answers 404', async () => {
    for (const path of [publisher, viewer.replace(/.$/, 'x'), publisher.replace('/whip/', '/whep/')])
      expect((await wing.request(`${path}/sse`, { method: 'POST' })).status).toBe(404)
  })

  test('is bounded for each session, and deleting makes room', async () => {
    const paths: string[] = []
    for (let count = 0; count < MAX_SUBSCRIPTIONS_PER_SESSION; count++) paths.push(await subscribe(viewer))
    const refused = await wing.request(`${viewer}/sse`, { method: 'POST' })
    expect(refused.status).toBe(429)
    expect(await refused.json()).toMatchObject({ code: 'too-many-subscriptions' })
    await wing.request(paths[0] ?? '', { method: 'DELETE' })
    await subscribe(viewer)
  })
})

describe('an event stream', () => {
  test('begins with the present state, each event with exactly one line of data', async () => {
    wing.connect(idOf(publisher))
    const { next } = await listen(await subscribe(viewer))
    expect(await next()).toBe('event: active\ndata: {}')
    expect(await next()).toBe('event: layers\ndata: {"1":[]}')
    expect(await next()).toBe('event: viewercount\ndata: {"viewercount":1}')
  })

  test('tells when the publisher falls silent, sends again, leaves and comes back', async () => {
    wing.connect(idOf(publisher))
    const { next } = await listen(await subscribe(viewer, ['active', 'inactive']))
    expect(await next()).toBe('event: active\ndata: {}')
    wing.silence(idOf(publisher))
    expect(await next()).toBe('event: inactive\ndata: {}')
    wing.silence(idOf(publisher), false)
    expect(await next()).toBe('event: active\ndata: {}')
    wing.close(idOf(publisher))
    expect(await next()).toBe('event: inactive\ndata: {}')
    wing.connect(idOf(await wing.open('/whip/live', publishOffer())))
    expect(await next()).toBe('event: active\ndata: {}')
  })

  test('never begins with inactive', async () => {
    const early = await wing.open('/whep/early', playOffer())
    const events = await subscribe(early, ['active', 'inactive'])
    const session = idOf(await wing.open('/whip/early', publishOffer()))
    wing.connect(session)
    wing.silence(session)
    const { next } = await listen(events)
    wing.silence(session, false)
    expect(await next()).toBe('event: active\ndata: {}')
  })

  test('holds what was asked for and nothing else', async () => {
    const { next } = await listen(await subscribe(viewer, ['inactive', 'viewercount']))
    expect(await next()).toBe('event: viewercount\ndata: {"viewercount":1}')
    wing.connect(idOf(publisher))
    wing.close(idOf(publisher))
    expect(await next()).toBe('event: inactive\ndata: {}')
  })

  test('tells the number of viewers at most once a second', async () => {
    const { next } = await listen(await subscribe(viewer, ['viewercount']))
    await next()
    for (let count = 0; count < 5; count++) await wing.open('/whep/live', playOffer())
    wing.clock.advance(999)
    wing.clock.advance(1)
    expect(await next()).toBe('event: viewercount\ndata: {"viewercount":6}')
    expect(wing.clock.pending()).toBe(0)
  })

  test('keeps the latest of each kind while nobody reads', async () => {
    const events = await subscribe(viewer, ['viewercount'])
    for (let count = 0; count < 5; count++) {
      await wing.open('/whep/live', playOffer())
      wing.clock.advance(1000)
    }
    const { next } = await listen(events)
    expect(await next()).toBe('event: viewercount\ndata: {"viewercount":6}')
    await wing.open('/whep/live', playOffer())
    wing.clock.advance(1000)
    expect(await next()).toBe('event: viewercount\ndata: {"viewercount":7}')
  })

  test('is read by the one who asked last', async () => {
    const events = await subscribe(viewer, ['viewercount'])
    const first = await listen(events)
    await first.next()
    const second = await listen(events)
    expect(await first.next()).toBeUndefined()
    await wing.open('/whep/live', playOffer())
    wing.clock.advance(1000)
    expect(await second.next()).toBe('event: viewercount\ndata: {"viewercount":2}')
  })

  test('ends with DELETE, and is not found after that', async () => {
    const events = await subscribe(viewer, ['active'])
    const { next } = await listen(events)
    expect((await wing.request(events, { method: 'DELETE' })).status).toBe(200)
    expect(await next()).toBeUndefined()
    expect((await wing.request(events)).status).toBe(404)
    expect((await wing.request(events, { method: 'DELETE' })).status).toBe(404)
  })

  test('ends with its session', async () => {
    const events = await subscribe(viewer, ['active'])
    const { next } = await listen(events)
    await wing.request(viewer, { method: 'DELETE' })
    expect(await next()).toBeUndefined()
    expect((await wing.request(events)).status).toBe(404)
    expect(wing.streams.size.subscriptions).toBe(0)
  })

  test('tells a viewer who cannot play the next publisher to connect again, before its session ends', async () => {
    wing.close(idOf(publisher))
    const { next } = await listen(await subscribe(viewer, ['reconnect']))
    await wing.open('/whip/live', publishOffer({ video: 'VP8' }))
    expect(await next()).toBe('event: reconnect\ndata: {}')
    expect(await next()).toBeUndefined()
    expect((await wing.request(viewer)).status).toBe(404)
  })

  test('is found by HEAD without being read', async () => {
    const events = await subscribe(viewer, ['viewercount'])
    const head = await wing.request(events, { method: 'HEAD' })
    expect(head.headers.get('Content-Type')).toBe('text/event-stream')
    const { next } = await listen(events)
    expect(await next()).toBe('event: viewercount\ndata: {"viewercount":1}')
  })
})
