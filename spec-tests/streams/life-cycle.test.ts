/** Streams, their publisher and their viewers, from the first POST to the last end. */
import { expect, test } from 'vitest'
import { createStreams } from '../support/control-wing.ts'
import { playOffer, publishOffer } from '../support/offers.ts'

const nothing = { sessions: 0, streams: 0, ufrags: 0, subscriptions: 0 }

test('a publisher that ends without viewers leaves nothing', () => {
  const { streams, close, ends } = createStreams()
  const publisher = streams.publish('live', publishOffer())
  expect(streams.size).toEqual({ ...nothing, sessions: 1, streams: 1, ufrags: 1 })
  close(publisher.id, 'consent-expired')
  expect(streams.size).toEqual(nothing)
  expect(ends()).toEqual(['publisher consent-expired'])
})

test('every session has one end: events that come after it are ignored', () => {
  const { streams, connect, close, ends, commandTypes } = createStreams()
  const { id } = streams.publish('live', publishOffer())
  expect(streams.end(id, 'deleted')).toBe(true)
  connect(id)
  close(id, 'deleted')
  expect(streams.end(id, 'deleted')).toBe(false)
  expect(ends()).toEqual(['publisher deleted'])
  expect(commandTypes()).toEqual(['open-publisher', 'close-session'])
})

test('viewers wait for the next publisher, who goes on with them', () => {
  const { streams, close, ends, clock, events } = createStreams({ publisherGraceMs: 30_000 })
  const first = streams.publish('live', publishOffer())
  streams.play('live', playOffer())
  close(first.id)
  clock.advance(29_999)
  streams.publish('live', publishOffer())
  clock.advance(60_000)
  expect(ends()).toEqual(['publisher closed-by-peer'])
  expect(events.map(({ type }) => type)).toContain('publisher-resumed')
  expect(clock.pending()).toBe(0)
})

test('when nobody comes within the grace time, viewers end as stream-ended', () => {
  const { streams, close, ends, clock, commands } = createStreams({ publisherGraceMs: 30_000 })
  const publisher = streams.publish('live', publishOffer())
  const viewer = streams.play('live', playOffer())
  close(publisher.id)
  expect(() => streams.play('live', playOffer())).toThrow('Nobody publishes')
  clock.advance(30_000)
  expect(ends()).toEqual(['publisher closed-by-peer', 'viewer stream-ended'])
  expect(commands.at(-1)).toEqual({ type: 'close-session', session: viewer.id, reason: 'stream-ended' })
  expect(streams.size).toEqual(nothing)
})

test('a grace time of 0 ends viewers with their publisher', () => {
  const { streams, ends, clock } = createStreams({ publisherGraceMs: 0 })
  const publisher = streams.publish('live', publishOffer())
  streams.play('live', playOffer())
  streams.play('live', playOffer())
  streams.end(publisher.id, 'deleted')
  expect(ends()).toEqual(['publisher deleted', 'viewer stream-ended', 'viewer stream-ended'])
  expect(streams.size).toEqual(nothing)
  expect(clock.pending()).toBe(0)
})

test('when the last waiting viewer leaves, the stream and its timer are gone', () => {
  const { streams, close, clock } = createStreams()
  const publisher = streams.publish('live', publishOffer())
  const viewer = streams.play('live', playOffer())
  close(publisher.id)
  expect(clock.pending()).toBe(1)
  close(viewer.id)
  expect(streams.size).toEqual(nothing)
  expect(clock.pending()).toBe(0)
})

test('a next publisher with another codec lets go those viewers who cannot take it', () => {
  const { streams, close, ends, commands } = createStreams()
  const first = streams.publish('live', publishOffer({ video: 'H264' }))
  streams.play('live', playOffer())
  const listener = streams.play('live', playOffer({ video: 'none' }))
  close(first.id)
  streams.publish('live', publishOffer({ video: 'VP8' }))
  expect(ends()).toEqual(['publisher closed-by-peer', 'viewer stream-ended'])
  expect(streams.find(listener.id)).toBeDefined()
  // The old viewer is closed before the new publisher opens, so that the media wing never sees them together.
  expect(commands.slice(-2).map(({ type }) => type)).toEqual(['close-session', 'open-publisher'])
})

test('a live stream refuses a second publisher, however long the first one is there', () => {
  const { streams, connect, clock } = createStreams({ publisherTakeoverMs: 3000 })
  const { id } = streams.publish('live', publishOffer())
  connect(id)
  clock.advance(1_000_000)
  expect(() => streams.publish('live', publishOffer())).toThrow('has a publisher already')
})

test.each([0, 30_000])(
  'a publisher that never connected makes way after a while, and its viewers stay (grace %i)',
  (publisherGraceMs) => {
    const { streams, ends, clock, commandTypes } = createStreams({
      publisherTakeoverMs: 3000,
      publisherGraceMs,
    })
    streams.publish('live', publishOffer())
    streams.play('live', playOffer())
    clock.advance(2999)
    expect(() => streams.publish('live', publishOffer())).toThrow('has a publisher already')
    clock.advance(1)
    const second = streams.publish('live', publishOffer())
    expect(ends()).toEqual(['publisher replaced'])
    expect(streams.find(second.id)).toBeDefined()
    expect(commandTypes()).toEqual(['open-publisher', 'open-viewer', 'close-session', 'open-publisher'])
    expect(clock.pending()).toBe(0)
  },
)

test('a publisher that is refused does not disturb the one that it would have replaced', () => {
  const { streams, ends, clock } = createStreams({ publisherTakeoverMs: 0 })
  streams.publish('live', publishOffer())
  clock.advance(1)
  expect(() => streams.publish('live', playOffer())).toThrow()
  expect(ends()).toEqual([])
})

test('a refused offer leaves nothing', () => {
  const { streams, commands } = createStreams()
  expect(() => streams.publish('live', 'nonsense')).toThrow()
  expect(() => streams.play('live', playOffer())).toThrow()
  expect(streams.size).toEqual(nothing)
  expect(commands).toEqual([])
})

test('shutting down ends every session as shutdown, tells the media wing once and takes nobody new', () => {
  const { streams, close, ends, commandTypes, clock } = createStreams()
  const publisher = streams.publish('live', publishOffer())
  const viewer = streams.play('live', playOffer())
  streams.shutDown()
  streams.shutDown()
  close(publisher.id, 'shutdown')
  close(viewer.id, 'shutdown')
  expect(ends()).toEqual(['publisher shutdown', 'viewer shutdown'])
  expect(commandTypes().filter((type) => type === 'shut-down')).toHaveLength(1)
  expect(() => streams.publish('live', publishOffer())).toThrow('shutting down')
  expect(streams.size).toEqual(nothing)
  expect(clock.pending()).toBe(0)
})

test('2,000 sessions that open and end leave nothing', () => {
  const { streams, clock } = createStreams({ publisherGraceMs: 0 })
  for (let round = 0; round < 40; round++) {
    const publisher = streams.publish(`live-${round}`, publishOffer())
    for (let count = 0; count < 49; count++) streams.play(`live-${round}`, playOffer())
    streams.end(publisher.id, 'deleted')
  }
  expect(streams.size).toEqual(nothing)
  expect(clock.pending()).toBe(0)
})

test('restarts of ICE hold two ufrags at most, and none when the session has ended', () => {
  const { streams, confirmRestart } = createStreams()
  const { id } = streams.publish('live', publishOffer())
  const restart = (number: number) =>
    streams.restartIce(id, { remoteUfrag: `remote${number}`, remotePassword: 'x'.repeat(22) })
  for (let number = 0; number < 20; number++) {
    restart(number)
    expect(streams.size.ufrags).toBe(2)
  }
  const last = restart(20)
  confirmRestart(id, last?.ufrag ?? '')
  expect(streams.size.ufrags).toBe(1)

  // The confirmation of one crosses the command of the next on its way.
  const crossed = restart(21)
  restart(22)
  confirmRestart(id, crossed?.ufrag ?? '')
  expect(streams.size.ufrags).toBe(2)
  streams.end(id, 'deleted')
  expect(streams.size).toEqual(nothing)
  expect(restart(23)).toBeUndefined()
})

test('with take-over by replacement, a second publisher ends the first, and the viewers go on with it', () => {
  const { streams, connect, ends, commandTypes, events } = createStreams({ takeover: 'replace' })
  const first = streams.publish('live', publishOffer())
  connect(first.id)
  const viewer = streams.play('live', playOffer())
  const second = streams.publish('live', publishOffer())
  expect(ends()).toEqual(['publisher replaced'])
  expect(streams.find(first.id)).toBeUndefined()
  expect(streams.find(second.id)).toBeDefined()
  expect(streams.find(viewer.id)).toBeDefined()
  expect(commandTypes().slice(-2)).toEqual(['close-session', 'open-publisher'])
  expect(events.at(-1)).toMatchObject({ type: 'publisher-resumed', viewers: 1 })
})

test('a publisher whose media is silent makes way at once, and no longer does when it sends again', () => {
  const { streams, connect, silence, ends } = createStreams()
  const { id } = streams.publish('live', publishOffer())
  connect(id)
  silence(id)
  silence(id, false)
  expect(() => streams.publish('live', publishOffer())).toThrow('has a publisher already')
  silence(id)
  streams.publish('live', publishOffer())
  expect(ends()).toEqual(['publisher replaced'])
})

test('a restart tells the candidates that hold now, not those of the answer', () => {
  const { streams } = createStreams()
  const { id } = streams.publish('live', publishOffer())
  const candidates = [{ address: '192.0.2.99', family: 4, port: 8080 }] as const
  streams.setCandidates(candidates)
  const restart = streams.restartIce(id, { remoteUfrag: 'other', remotePassword: 'x'.repeat(22) })
  expect(restart?.candidates).toEqual(candidates)
})
