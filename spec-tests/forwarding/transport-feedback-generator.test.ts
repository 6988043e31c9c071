import { describe, expect, it } from 'vitest'
import { TransportFeedbackGenerator } from '../../src/media/forwarding/transport-feedback-generator.ts'
import { RtcpWriter } from '../../src/media/rtp/rtcp.ts'
import { toSequenceNumber } from '../../src/media/rtp/sequence-number.ts'
import { decodeRtcp, startingSequenceNumbers } from './harness.ts'

interface Feedback {
  readonly baseSequenceNumber: number
  readonly referenceTimeMs: number
  readonly feedbackCount: number
  readonly received: readonly number[]
  readonly deltas: readonly number[]
}

/** Everything that is due, as one would receive it. */
function take(generator: TransportFeedbackGenerator, nowMs: number): Feedback[] {
  const feedbacks: Feedback[] = []
  const writer = new RtcpWriter()
  while (generator.write(writer, 1, 2, nowMs)) {
    const [item] = decodeRtcp(writer.bytes.slice(0, writer.length))
    feedbacks.push(item?.[1] as Feedback)
    writer.reset()
  }
  return feedbacks
}

function arrivalsOf({
  baseSequenceNumber,
  referenceTimeMs,
  received,
  deltas,
}: Feedback): Map<number, number> {
  const arrivals = new Map<number, number>()
  let atMs = referenceTimeMs
  received.forEach((has, i) => {
    if (has === 0) return
    atMs += (deltas[i] ?? 0) / 4
    arrivals.set((baseSequenceNumber + i) & 0xffff, atMs)
  })
  return arrivals
}

describe('transport-wide feedback', () => {
  it.each(startingSequenceNumbers)(
    'tells which packets came when, and which did not, from %i on',
    (start) => {
      const generator = new TransportFeedbackGenerator()
      const expected = new Map<number, number>()
      for (let i = 0; i < 50; i++) {
        if (i % 7 === 3) continue
        generator.receive(toSequenceNumber(start + i), 1_000 + i * 2.25)
        expected.set((start + i) & 0xffff, 1_000 + i * 2.25)
      }
      const [feedback, ...more] = take(generator, 1_200)
      expect(more).toHaveLength(0)
      expect(feedback?.baseSequenceNumber).toBe(start)
      expect(feedback?.received).toHaveLength(50)
      expect(arrivalsOf(feedback as Feedback)).toEqual(expected)
    },
  )

  it('goes on where it ended, and counts', () => {
    const generator = new TransportFeedbackGenerator()
    generator.receive(toSequenceNumber(10), 0)
    expect(take(generator, 0)[0]?.feedbackCount).toBe(0)
    expect(generator.nextTimeoutMs).toBe(Infinity)
    generator.receive(toSequenceNumber(13), 50)
    const [second] = take(generator, 100)
    expect(second).toMatchObject({ baseSequenceNumber: 11, received: [0, 0, 1], feedbackCount: 1 })
  })

  it('is due at once for the first packet, then every 100 ms, every 50 ms when much comes', () => {
    const generator = new TransportFeedbackGenerator()
    generator.receive(toSequenceNumber(0), 1_000)
    expect(generator.nextTimeoutMs).toBe(1_000)
    take(generator, 1_000)
    generator.receive(toSequenceNumber(1), 1_010)
    expect(generator.nextTimeoutMs).toBe(1_100)
    for (let i = 2; i < 200; i++) generator.receive(toSequenceNumber(i), 1_010)
    expect(generator.nextTimeoutMs).toBe(1_050)
  })

  it('reports again from a late packet on', () => {
    const generator = new TransportFeedbackGenerator()
    for (const n of [0, 1, 3]) generator.receive(toSequenceNumber(n), n)
    take(generator, 10)
    generator.receive(toSequenceNumber(2), 20)
    const [again] = take(generator, 110)
    expect(again?.baseSequenceNumber).toBe(2)
    expect([...arrivalsOf(again as Feedback).keys()]).toEqual([2, 3])
    generator.receive(toSequenceNumber(2), 120)
    expect(generator.nextTimeoutMs).toBe(Infinity)
  })

  it('reports a late packet from in front of the first', () => {
    const generator = new TransportFeedbackGenerator()
    generator.receive(toSequenceNumber(0), 5)
    generator.receive(toSequenceNumber(0xffff), 6)
    const [feedback] = take(generator, 10)
    expect(feedback?.baseSequenceNumber).toBe(0xffff)
    expect(feedback?.received).toEqual([1, 1])
  })

  it('starts anew after a jump, and keeps to its window', () => {
    const generator = new TransportFeedbackGenerator()
    generator.receive(toSequenceNumber(0), 0)
    generator.receive(toSequenceNumber(20_000), 1)
    expect(take(generator, 100)).toMatchObject([{ baseSequenceNumber: 20_000, received: [1] }])
    for (let i = 1; i < 5_000; i += 2) generator.receive(toSequenceNumber(20_000 + i), 100 + i)
    const all = take(generator, 6_000)
    const count = all.reduce((sum, { received }) => sum + received.length, 0)
    expect(count).toBe(2_048)
  })
})
