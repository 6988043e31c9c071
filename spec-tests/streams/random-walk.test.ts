/** Whatever clients and the network do, the invariants of the streams hold. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Problem } from '../../src/signalling/problem.ts'
import { createStreams } from '../support/control-wing.ts'
import { playOffer, publishOffer } from '../support/offers.ts'

const step = fc.record({
  action: fc.constantFrom('publish', 'publish-vp8', 'play', 'connect', 'close', 'delete', 'wait'),
  stream: fc.constantFrom('a', 'b', 'c'),
  pick: fc.nat(1000),
})

const offers = {
  publish: publishOffer(),
  'publish-vp8': publishOffer({ video: 'VP8' }),
  play: playOffer(),
}

test('the media wing and the streams always agree on who is there, and each session ends once', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(0, 5000), (steps, publisherGraceMs) => {
      const { streams, commands, events, clock, connect, close } = createStreams({
        publisherGraceMs,
        maxSessions: 8,
        maxViewersPerStream: 3,
      })
      const opened: string[] = []
      const endedByMedia: string[] = []
      for (const { action, stream, pick } of steps) {
        const id = opened.length === 0 ? 'none' : (opened[pick % opened.length] ?? 'none')
        switch (action) {
          case 'publish':
          case 'publish-vp8':
          case 'play':
            try {
              const session =
                action === 'play'
                  ? streams.play(stream, offers.play)
                  : streams.publish(stream, offers[action])
              opened.push(session.id)
            } catch (error) {
              if (!(error instanceof Problem)) throw error
            }
            break
          case 'connect':
            connect(id)
            break
          case 'close':
            if (streams.find(id) !== undefined) endedByMedia.push(id)
            close(id)
            break
          case 'delete':
            streams.end(id, 'deleted')
            break
          case 'wait':
            clock.advance(pick * 10)
            break
        }
        const alive = new Set<string>(endedByMedia)
        for (const command of commands) {
          if (command.type === 'open-publisher' || command.type === 'open-viewer') alive.add(command.session)
        }
        for (const ended of endedByMedia) alive.delete(ended)
        for (const command of commands) if (command.type === 'close-session') alive.delete(command.session)
        expect(streams.size.sessions).toBe(alive.size)
        expect(streams.size.ufrags).toBe(alive.size)
        expect(streams.size.sessions).toBeLessThanOrEqual(8)
        const ends = events.flatMap((event) => (event.type === 'session-ended' ? [event.session.id] : []))
        expect(new Set(ends).size).toBe(ends.length)
        expect(ends.length + alive.size).toBe(opened.length)
      }
      for (const id of opened) streams.end(id, 'deleted')
      clock.advance(publisherGraceMs)
      expect(streams.size).toEqual({ sessions: 0, streams: 0, ufrags: 0, subscriptions: 0 })
      expect(clock.pending()).toBe(0)
    }),
    { numRuns: 150, seed: 4711 },
  )
})
