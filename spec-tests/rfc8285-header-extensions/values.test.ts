import { describe, expect, it } from 'vitest'
import {
  absoluteSendTimeDistanceMs,
  absoluteSendTimeOfMs,
  readExtensionText,
} from '../../src/media/rtp/header-extension-values.ts'

const bytesOf = (text: string) => new TextEncoder().encode(text)

describe('text items (MID, RID)', () => {
  it('are read from the middle of a packet', () => {
    expect(readExtensionText(bytesOf('xxvideo0yy'), 2, 6)).toBe('video0')
  })

  it.each([
    ['nothing', '', 0],
    ['a space', 'a b', 3],
    ['a control character', 'a\u0000b', 3],
    ['bytes beyond ASCII', 'é', 2],
    ['more than there is', 'abc', 4],
  ])('are undefined for %s', (_, text, length) => {
    expect(readExtensionText(bytesOf(text), 0, length)).toBeUndefined()
  })
})

describe('absolute send time', () => {
  it('counts in 2^-18 s modulo 64 s', () => {
    expect(absoluteSendTimeOfMs(0)).toBe(0)
    expect(absoluteSendTimeOfMs(1_000)).toBe(1 << 18)
    expect(absoluteSendTimeOfMs(63_999.999)).toBe(0xff_ffff)
    expect(absoluteSendTimeOfMs(64_000)).toBe(0)
  })

  it.each([0, 31_999, 32_000, 63_990, 64_000, 1_700_000_000_000])(
    'has the distance of two times near %i ms',
    (ms) => {
      const from = absoluteSendTimeOfMs(ms)
      expect(absoluteSendTimeDistanceMs(from, absoluteSendTimeOfMs(ms + 20))).toBeCloseTo(20, 1)
      expect(absoluteSendTimeDistanceMs(from, absoluteSendTimeOfMs(ms - 20))).toBeCloseTo(-20, 1)
    },
  )
})
