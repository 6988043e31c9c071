import { describe, expect, it } from 'vitest'
import { PublisherClock, SourceClock } from '../../src/media/forwarding/source-clock.ts'

/** Packets every 20 ms, `delayMs` after their capture. */
function play(
  clock: SourceClock,
  start: number,
  fromMs: number,
  toMs: number,
  delayMs: (ms: number) => number,
) {
  for (let ms = fromMs; ms < toMs; ms += 20) clock.receive((start + ms * 90) >>> 0, ms + delayMs(ms))
}
const difference = (a: number, b: number) => (a - b) | 0

describe("a source's clock", () => {
  it('goes by the least delayed packets where there are no reports, across a wrap of the timestamp', () => {
    const clock = new SourceClock(90_000, new PublisherClock())
    const start = 0xffff_0000
    play(clock, start, 0, 4_000, (ms) => 30 + (ms % 100))
    // Captured at 4,000, seen at 4,030.
    expect(difference(clock.timestampAt(4_030), (start + 4_000 * 90) >>> 0)).toBe(0)
  })

  it('follows a path that has become slower', () => {
    const clock = new SourceClock(90_000, new PublisherClock())
    play(clock, 0, 0, 4_000, () => 30)
    play(clock, 0, 4_000, 20_000, () => 80)
    expect(difference(clock.timestampAt(20_080), 20_000 * 90)).toBe(0)
  })

  it('starts anew when timestamps jump', () => {
    const clock = new SourceClock(90_000, new PublisherClock())
    play(clock, 0, 0, 4_000, () => 30)
    play(clock, 0x7000_0000, 4_000, 4_100, () => 30)
    expect(difference(clock.timestampAt(4_130), 0x7000_0000 + 4_100 * 90)).toBe(0)
  })

  it('goes by sender reports where there are any', () => {
    const publisher = new PublisherClock()
    const clock = new SourceClock(90_000, publisher)
    play(clock, 0, 0, 1_000, () => 100)
    // The report says that the capture was 60 ms earlier than arrival makes believe.
    clock.receiveReport(940 * 90, 5_000_000 + 1_000, 1_040)
    expect(difference(clock.timestampAt(1_040), 940 * 90)).toBe(0)
    expect(difference(clock.timestampAt(2_040), 1_940 * 90)).toBe(0)
  })

  it('takes the report that was least delayed, and follows drift slowly', () => {
    const publisher = new PublisherClock()
    publisher.addReport(0, 100)
    publisher.addReport(1_000, 1_050)
    expect(publisher.offsetMs).toBe(50)
    publisher.addReport(2_000, 2_400)
    expect(publisher.offsetMs).toBeCloseTo(50.135, 3)
    // The publisher's clock was set.
    publisher.addReport(9_000_000, 3_000)
    expect(publisher.offsetMs).toBe(3_000 - 9_000_000)
  })

  it('does not believe a report about other timestamps than are being sent', () => {
    const clock = new SourceClock(90_000, new PublisherClock())
    play(clock, 0, 0, 1_000, () => 0)
    const before = clock.timestampAt(1_000)
    clock.receiveReport(0x4000_0000, 0, 1_000)
    expect(clock.timestampAt(1_000)).toBe(before)
  })

  it('does not believe reports of tracks that do not share a clock', () => {
    const publisher = new PublisherClock()
    const video = new SourceClock(90_000, publisher)
    const audio = new SourceClock(90_000, publisher)
    for (const clock of [video, audio]) play(clock, 0, 0, 1_000, () => 0)
    video.receiveReport(980 * 90, 980, 1_000)
    audio.receiveReport(980 * 90, 7_000_000, 1_000)
    expect(difference(video.timestampAt(1_000), 1_000 * 90)).toBe(0)
    expect(Math.abs(difference(audio.timestampAt(1_000), 1_000 * 90))).toBeLessThan(90 * 25)
  })
})
