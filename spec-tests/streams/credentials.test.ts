/** RFC 8839 section 5.4, RFC 8445 section 5.3, RFC 3550 section 8.1: unguessable and unique. */
import { expect, test } from 'vitest'
import {
  newPassword,
  newSdpSessionId,
  newUfrag,
  ssrcSource,
  systemChance,
} from '../../src/streams/credentials.ts'
import { createStreams, seededChance } from '../support/control-wing.ts'
import { publishOffer } from '../support/offers.ts'

test('ufrag and password consist of ice-chars and are long enough', () => {
  for (let count = 0; count < 200; count++) {
    expect(newUfrag(systemChance, new Set())).toMatch(/^[A-Za-z0-9+/]{8}$/)
    expect(newPassword(systemChance)).toMatch(/^[A-Za-z0-9+/]{32}$/)
  }
})

test('a ufrag that a live session has is not given again', () => {
  const first = newUfrag(seededChance(7), new Set())
  expect(newUfrag(seededChance(7), new Set([first]))).not.toBe(first)
})

test('SSRCs are never zero and never given twice', () => {
  const values = [0, 0, 0, 0, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8]
  let position = 0
  const ssrc = ssrcSource({
    uuid: () => '',
    bytes: (length) => Uint8Array.from(values.slice(position, (position += length))),
  })
  expect(ssrc()).toBe(0x01020304)
  expect(ssrc()).toBe(0x05060708)
})

test('the SDP session id is a decimal number below 2^63', () => {
  expect(newSdpSessionId({ uuid: () => '', bytes: (length) => new Uint8Array(length).fill(255) })).toBe(
    '9223372036854775807',
  )
})

test('sessions have different ids, ufrags and passwords', () => {
  const { streams, commands } = createStreams()
  const ids = Array.from({ length: 50 }, (_, index) => streams.publish(`live-${index}`, publishOffer()).id)
  const transports = commands.flatMap((command) =>
    command.type === 'open-publisher' ? [command.transport] : [],
  )
  expect(new Set(ids).size).toBe(50)
  expect(new Set(transports.map(({ localUfrag }) => localUfrag)).size).toBe(50)
  expect(new Set(transports.map(({ localPassword }) => localPassword)).size).toBe(50)
})
