import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  compactNtp,
  compactNtpOfMs,
  msOfCompactNtp,
  ntpFractionOf,
  ntpSecondsOf,
  roundTripTimeMs,
  unixMsOfNtp,
} from '../../src/media/rtp/ntp-time.ts'
import { seeded } from './packet-bytes.ts'

describe('RFC 3550 section 6.4.1: NTP timestamps', () => {
  it('are those of figure 2', () => {
    const sent = Date.UTC(1995, 10, 10, 11, 33, 25, 125)
    expect(ntpSecondsOf(sent)).toBe(0xb44d_b705)
    expect(ntpFractionOf(sent)).toBe(0x2000_0000)
    expect(compactNtp(0xb44d_b705, 0x2000_0000)).toBe(0xb705_2000)
    const received = Date.UTC(1995, 10, 10, 11, 33, 36, 500)
    expect(compactNtp(ntpSecondsOf(received), ntpFractionOf(received))).toBe(0xb710_8000)
    expect(compactNtpOfMs(5_250)).toBe(0x0005_4000)
  })

  it('give the round-trip time of figure 2', () => {
    expect(roundTripTimeMs(0xb710_8000, 0xb705_2000, 0x0005_4000)).toBe(6_125)
  })

  it('are Unix times again', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: Date.UTC(2100, 0) }),
        fc.integer({ min: 0, max: 999 }),
        (ms, micros) => {
          const unixMs = ms + micros / 1000
          expect(unixMsOfNtp(ntpSecondsOf(unixMs), ntpFractionOf(unixMs))).toBeCloseTo(unixMs, 2)
        },
      ),
      seeded,
    )
  })

  it('go on when the seconds wrap in 2036', () => {
    const wrap = Date.UTC(2036, 1, 7, 6, 28, 16)
    expect(ntpSecondsOf(wrap - 1)).toBe(0xffff_ffff)
    expect(ntpSecondsOf(wrap)).toBe(0)
    expect(unixMsOfNtp(0, 0)).toBe(wrap)
    expect(unixMsOfNtp(0xffff_ffff, 0x8000_0000)).toBe(wrap - 500)
  })
})

describe('the round-trip time', () => {
  it('is unknown before the peer has seen a sender report', () => {
    expect(roundTripTimeMs(0x1234_5678, 0, 0)).toBe(-1)
  })

  it('is 0 where clocks make it negative', () => {
    expect(roundTripTimeMs(0x0001_0000, 0x0000_8000, 0x0000_9000)).toBe(0)
  })

  it('holds across the wrap of the compact form', () => {
    expect(roundTripTimeMs(0x0000_8000, 0xffff_8000, 0x0000_8000)).toBe(500)
  })
})

describe('durations in 1/65536 s', () => {
  it('are held within 32 bits', () => {
    expect(compactNtpOfMs(-5)).toBe(0)
    expect(compactNtpOfMs(1e12)).toBe(0xffff_ffff)
    expect(msOfCompactNtp(compactNtpOfMs(1_234))).toBeCloseTo(1_234, 1)
  })
})
