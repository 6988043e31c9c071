import { describe, expect, it } from 'vitest'
import { chooseEncoding } from '../../src/media/forwarding/layer-choice.ts'
import { createPublisher, publishedVideo, receive } from './harness.ts'

const inactiveMs = 2_000

/** Encodings that have sent so many bytes every 20 ms for three seconds. */
function encodings(bytes: readonly number[]) {
  const tracks = [{ ...publishedVideo, encodings: bytes.map((_, i) => ({ rid: `r${i}`, ssrc: i + 1 })) }]
  const { publisher } = createPublisher({ tracks })
  for (let i = 0; i < 150; i++) {
    bytes.forEach((length, at) => {
      const packet = { sequence: i, ssrc: at + 1, payload: new Uint8Array(length) }
      if (length > 0) receive(publisher, packet, i * 20)
    })
  }
  return publisher.sources
}

describe('the encoding that viewers are sent', () => {
  it.each([
    [[100, 400, 1_000], 2],
    [[1_000, 400, 100], 0],
    [[0, 400, 100], 1],
  ])('is the greatest of those that send: %o', (bytes, expected) => {
    const sources = encodings(bytes)
    expect(chooseEncoding(sources, undefined, inactiveMs, 3_000)).toBe(sources[expected])
  })

  it('is none while nothing comes', () => {
    expect(chooseEncoding(encodings([0, 0]), undefined, inactiveMs, 3_000)).toBeUndefined()
  })

  it('stays as it is while another one is only a little greater', () => {
    const sources = encodings([900, 1_000])
    expect(chooseEncoding(sources, sources[0], inactiveMs, 3_000)).toBe(sources[0])
    const apart = encodings([500, 1_000])
    expect(chooseEncoding(apart, apart[0], inactiveMs, 3_000)).toBe(apart[1])
  })

  it('stays as it is when all have stopped, and changes when another one has not', () => {
    const sources = encodings([1_000, 500])
    expect(chooseEncoding(sources, sources[0], inactiveMs, 60_000)).toBe(sources[0])
    sources[1]?.bitrate.receive(100, 60_000)
    expect(chooseEncoding(sources, sources[0], inactiveMs, 60_000)).toBe(sources[1])
  })

  it('is not one that its publisher has replaced', () => {
    const [former] = encodings([1_000])
    const sources = encodings([100, 50])
    expect(chooseEncoding(sources, former, inactiveMs, 3_000)).toBe(sources[0])
  })
})
