/** draft-ietf-wish-whep section 4.2: viewers who come before their publisher. */
import { describe, expect, test } from 'vitest'
import { anticipatedMedia, parseOffer } from '../../src/sdp/index.ts'
import { matchesStreamPattern } from '../../src/streams/stream-name.ts'
import { createStreams } from '../support/control-wing.ts'
import { readOffer } from '../sdp-offers/offers.ts'
import { playOffer, publishOffer } from '../support/offers.ts'

const early = () => createStreams({ playBeforePublish: (stream) => stream === 'lobby' })

test('are let in where it is configured, and refused elsewhere', () => {
  const { streams, commandTypes } = early()
  streams.play('lobby', playOffer())
  expect(commandTypes()).toEqual(['open-viewer'])
  expect(() => streams.play('live', playOffer())).toThrow('Nobody publishes')
})

test('go on with the publisher when it comes, and stay when it leaves, for as long as they like', () => {
  const { streams, close, clock, ends, events } = early()
  const viewer = streams.play('lobby', playOffer())
  const publisher = streams.publish('lobby', publishOffer())
  expect(events.at(-1)).toMatchObject({ type: 'publisher-resumed', viewers: 1 })
  close(publisher.id)
  clock.advance(86_400_000)
  expect(ends()).toEqual(['publisher closed-by-peer'])
  expect(streams.find(viewer.id)).toBeDefined()
  close(viewer.id)
  expect(streams.size).toEqual({ sessions: 0, streams: 0, ufrags: 0, subscriptions: 0 })
  expect(clock.pending()).toBe(0)
})

test('are let go when the publisher sends what they were not promised', () => {
  const { streams, ends } = early()
  streams.play('lobby', playOffer({ video: 'H264' }))
  const stays = streams.play('lobby', playOffer({ video: 'VP8' }))
  streams.publish('lobby', publishOffer({ video: 'VP8' }))
  expect(ends()).toEqual(['viewer stream-ended'])
  expect(streams.find(stays.id)).toBeDefined()
})

test('count towards the limits of their stream', () => {
  const { streams } = createStreams({ playBeforePublish: () => true, maxViewersPerStream: 1 })
  streams.play('lobby', playOffer())
  expect(() => streams.play('lobby', playOffer())).toThrow('as many viewers')
})

describe('are promised', () => {
  test('H.264 and Opus where they offer them, by the profile that plays most others', () => {
    const media = anticipatedMedia(parseOffer(readOffer('chromium-play-VP8')))
    expect(media.audio?.codec).toBe('opus')
    expect(media.video?.codec).toBe('H264')
    expect(media.video?.parameters).toMatchObject({ 'packetization-mode': '1' })
    expect(media.video?.parameters['profile-level-id']).toMatch(/^4d/)
  })

  test('their own first codec otherwise', () => {
    expect(anticipatedMedia(parseOffer(playOffer({ video: 'VP8' }))).summary).toBe('VP8 + opus')
  })

  test('only what they offer', () => {
    const media = anticipatedMedia(parseOffer(playOffer({ video: 'none' })))
    expect(media.video).toBeUndefined()
    expect(media.audio?.codec).toBe('opus')
  })
})

test.each([
  ['*', 'anything', true],
  ['live', 'live', true],
  ['live', 'lively', false],
  ['lobby-*', 'lobby-1', true],
  ['lobby-*', 'lobby-', true],
  ['lobby-*', 'my-lobby-1', false],
  ['*-eu', 'live-eu', true],
  ['*-eu', 'live-eu-2', false],
  ['a*b*c', 'a-b-c', true],
  ['a*b*c', 'a-c-b', false],
  ['ab*ba', 'aba', false],
  ['a.c', 'abc', false],
])('the pattern %s on %s: %s', (pattern, name, expected) => {
  expect(matchesStreamPattern(pattern, name)).toBe(expected)
})
