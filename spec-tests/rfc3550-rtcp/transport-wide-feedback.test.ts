import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { referenceTimeDistanceMs, RtcpWriter } from '../../src/media/rtp/rtcp.ts'
import { toSequenceNumber } from '../../src/media/rtp/sequence-number.ts'
import { hex, seeded, toHex } from '../rfc3550-rtp/packet-bytes.ts'
import { read, written } from './recorder.ts'

interface FeedbackRead {
  readonly senderSsrc: number
  readonly mediaSsrc: number
  readonly baseSequenceNumber: number
  readonly packetCount: number
  readonly referenceTimeMs: number
  readonly feedbackCount: number
  readonly received: number[]
  readonly deltas250us: number[]
}

function feedbackOf(packet: Uint8Array): FeedbackRead | undefined {
  const { valid, calls } = read(packet)
  expect(valid).toBe(calls.length === 1)
  return calls[0]?.[1] as FeedbackRead | undefined
}

/** A feedback packet with these hex chunks and deltas. */
function packet(count: number, chunksAndDeltas: string): Uint8Array {
  const body = [...hex(chunksAndDeltas)]
  while (body.length % 4 !== 0) body.push(0)
  const words = (4 + body.length / 4).toString(16).padStart(4, '0')
  const counts = `0005${count.toString(16).padStart(4, '0')}`
  return Uint8Array.from([...hex(`8fcd${words} 00000001 00000002 ${counts} 00000307`), ...body])
}

const times = (n: number, value: number) => new Array<number>(n).fill(value)
const noArrival = NaN

describe('draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1: reading', () => {
  it('gives the fixed fields', () => {
    expect(feedbackOf(packet(1, '2001 04'))).toEqual({
      senderSsrc: 1,
      mediaSsrc: 2,
      baseSequenceNumber: 5,
      packetCount: 1,
      referenceTimeMs: 3 * 64,
      feedbackCount: 7,
      received: [1],
      deltas250us: [4],
    })
  })

  it('takes the run length chunk of section 3.1.3 for 221 lost packets', () => {
    expect(feedbackOf(packet(221, '00dd'))?.received).toEqual(times(221, 0))
  })

  it('takes the one-bit vector of section 3.1.4', () => {
    const received = [0, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0]
    const feedback = feedbackOf(packet(14, '9f1c 0102030405060708'))
    expect(feedback?.received).toEqual(received)
    expect(feedback?.deltas250us).toEqual([0, 1, 2, 3, 4, 5, 0, 0, 0, 6, 7, 8, 0, 0])
  })

  it('takes a two-bit vector with large and negative deltas', () => {
    // Symbols 1, 2, 2, 0, 1, 0, 0
    const feedback = feedbackOf(packet(7, 'da10 04 7fff 8000 ff'))
    expect(feedback?.received).toEqual([1, 1, 1, 0, 1, 0, 0])
    expect(feedback?.deltas250us).toEqual([4, 32_767, -32_768, 0, 255, 0, 0])
  })

  it('leaves the symbols behind the last packet alone', () => {
    expect(feedbackOf(packet(2, 'bfff 0102'))?.received).toEqual([1, 1])
    expect(feedbackOf(packet(2, '3fff 0102'))?.received).toEqual([1, 1])
  })

  it('has a signed reference time', () => {
    const negative = packet(1, '0001')
    negative.set([0xff, 0xff, 0xfe], 16)
    expect(feedbackOf(negative)?.referenceTimeMs).toBe(-128)
  })

  it.each([
    ['no packets', packet(0, '0001')],
    ['no chunks', hex('8fcd0004 00000001 00000002 00050001 00000307')],
    ['chunks for fewer packets than its count', packet(20, '0001 0001')],
    ['runs of length 0 only', packet(1, '0000 0000')],
    ['a delta that is missing', packet(5, '2005 01 02')],
    ['a large delta that is missing', packet(2, '4002 0001')],
    ['half of a large delta', packet(2, 'd800 0101')],
    ['the reserved symbol (section 3.1.1)', packet(1, '6001 0000')],
    ['more packets than are kept', packet(8193, '1fff 1fff')],
    ['fixed fields that are cut off', hex('8fcd0003 00000001 00000002 00050001')],
  ])('refuses %s', (_, bytes) => {
    expect(read(bytes)).toEqual({ valid: false, calls: [] })
  })

  it('does not take padding for deltas', () => {
    const padded = packet(5, '2005 0102030405 04')
    padded[0] = 0xaf
    expect(padded.at(-1)).toBe(4)
    expect(read(padded).valid).toBe(false)
  })
})

describe('draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1: writing', () => {
  function write(arrivalsMs: number[], referenceTime64ms = 0): string {
    const writer = new RtcpWriter()
    writer.bytes.fill(0xff)
    expect(
      writer.transportFeedback(
        1,
        2,
        0x107,
        toSequenceNumber(65_535),
        referenceTime64ms,
        arrivalsMs,
        arrivalsMs.length,
      ),
    ).toBe(arrivalsMs.length)
    const packet = toHex(written(writer))
    expect(packet.slice(8, 32)).toBe(
      '00000001' + '00000002' + 'ffff' + arrivalsMs.length.toString(16).padStart(4, '0'),
    )
    expect(packet.slice(38, 40)).toBe('07')
    return packet.slice(40)
  }

  it('makes a run of equal symbols, padded with zeros', () => {
    expect(write([1, 2, 3])).toBe('2003' + '040404' + '000000')
    expect(write([100, 0, 100, 0])).toBe('4004' + '0190' + 'fe70' + '0190' + 'fe70' + '0000')
  })

  it('makes a one-bit vector of small deltas and losses', () => {
    const n = noArrival
    expect(write([n, 1, 2, 3, 4, 5, n, n, n, 6, 7, 8, n, n])).toBe('9f1c' + '0404040404040404' + '0000')
  })

  it('makes a two-bit vector where there are large deltas', () => {
    // Symbols 1, 0, 2, 2, 1, 1, 1, then a run of 1
    expect(write([1, noArrival, 100, 99, 100, 100, 100, 100])).toBe(
      'd295' + '2001' + '04' + '018c' + 'fffc' + '04000000' + '000000',
    )
  })

  it('makes long runs of losses', () => {
    const arrivals = [1, ...times(8_000, noArrival), 2]
    expect(write(arrivals).length).toBeLessThan(2 * 24)
  })

  it('makes several runs where the 13 bits of one do not suffice', () => {
    expect(write(times(8_192, noArrival))).toBe('1fff' + '0001')
  })

  it('writes the reference time modulo 2^24', () => {
    const writer = new RtcpWriter()
    const reference = 2 ** 24 * 5 + 3
    writer.transportFeedback(1, 2, 0, toSequenceNumber(0), reference, [reference * 64 + 1], 1)
    expect(feedbackOf(written(writer))).toMatchObject({ referenceTimeMs: 3 * 64, deltas250us: [4] })
  })

  it('rounds arrivals and not their differences, so that errors do not add up', () => {
    const arrivals = Array.from({ length: 200 }, (_, i) => i * 0.4)
    const writer = new RtcpWriter()
    writer.transportFeedback(1, 2, 0, toSequenceNumber(0), 0, arrivals, arrivals.length)
    const deltas = feedbackOf(written(writer))?.deltas250us ?? []
    expect(deltas.reduce((sum, delta) => sum + delta, 0)).toBe(Math.round(199 * 0.4 * 4))
  })

  it('ends in front of a delta that 16 bits cannot hold', () => {
    const writer = new RtcpWriter()
    expect(writer.transportFeedback(1, 2, 0, toSequenceNumber(0), 0, [8_191.75, 16_383.5], 2)).toBe(2)
    expect(writer.transportFeedback(1, 2, 0, toSequenceNumber(0), 0, [1, 8_193], 2)).toBe(1)
    expect(writer.transportFeedback(1, 2, 0, toSequenceNumber(0), 128, [8_192, 0], 2)).toBe(2)
    expect(writer.transportFeedback(1, 2, 0, toSequenceNumber(0), 128, [8_192, -1], 2)).toBe(1)
    const { length } = writer
    expect(writer.transportFeedback(1, 2, 0, toSequenceNumber(0), 0, [8_192], 1)).toBe(0)
    expect(writer.transportFeedback(1, 2, 0, toSequenceNumber(0), 0, [Infinity], 1)).toBe(0)
    expect(writer.transportFeedback(1, 2, 0, toSequenceNumber(0), 0, [], 0)).toBe(0)
    expect(writer.length).toBe(length)
  })
})

describe('transport-wide feedback', () => {
  /** Arrivals as they come: a run, a burst, a gap, a late packet, a pause. */
  const step = fc.oneof(
    { arbitrary: fc.record({ repeat: fc.nat(40), ms: fc.nat(250).map((n) => n / 4) }), weight: 4 },
    {
      arbitrary: fc.record({ repeat: fc.nat(20), ms: fc.double({ min: 0, max: 70, noNaN: true }) }),
      weight: 3,
    },
    { arbitrary: fc.record({ repeat: fc.nat(100), ms: fc.constant(NaN) }), weight: 3 },
    { arbitrary: fc.record({ repeat: fc.constant(1), ms: fc.integer({ min: -300, max: 300 }) }), weight: 3 },
    {
      arbitrary: fc.record({ repeat: fc.constant(1), ms: fc.integer({ min: -9_000, max: 20_000 }) }),
      weight: 1,
    },
  )
  const arrivals = fc
    .tuple(fc.nat(10_000), fc.array(step, { minLength: 1, maxLength: 30 }))
    .map(([startMs, steps]) => {
      let now = 64_000 + startMs
      return steps.flatMap(({ repeat, ms }) =>
        times(repeat, 0).map(() => {
          if (!Number.isNaN(ms)) now += ms
          return Number.isNaN(ms) ? NaN : now
        }),
      )
    })
  const room = fc.constantFrom(24, 28, 32, 60, 300, 1200)
  const startReference = fc.constantFrom(0, 2 ** 23 - 1010, 2 ** 24 - 1010, 2 ** 24 * 3 - 1005)
  const startSequence = fc.constantFrom(0, 1, 100, 32_700, 65_400, 65_535, 65_536 * 7 - 20)

  it('says when each packet arrived, in as many packets as it takes', () => {
    fc.assert(
      fc.property(
        arrivals,
        room,
        startReference,
        startSequence,
        (relativeMs, maxBytes, startUnits, start) => {
          const arrivalsMs = relativeMs.map((ms) => startUnits * 64 + ms)
          const writer = new RtcpWriter(maxBytes)
          let reported = 0
          let feedbackCount = 250
          while (reported < arrivalsMs.length) {
            const rest = arrivalsMs.slice(reported)
            const reference = Math.floor((rest.find((ms) => !Number.isNaN(ms)) ?? 0) / 64)
            writer.reset()
            const base = toSequenceNumber(start + reported)
            const covered = writer.transportFeedback(1, 2, feedbackCount, base, reference, rest, rest.length)
            expect(covered).toBeGreaterThan(0)
            expect(writer.length).toBeLessThanOrEqual(maxBytes)
            const feedback = feedbackOf(written(writer))
            expect(feedback).toMatchObject({
              baseSequenceNumber: base,
              packetCount: covered,
              referenceTimeMs: ((reference << 8) >> 8) * 64,
              feedbackCount: feedbackCount & 0xff,
            })
            let ticks = reference * 256
            const read = feedback?.received.map((arrived, i) => {
              ticks += feedback.deltas250us[i] ?? 0
              return arrived === 1 ? ticks : NaN
            })
            expect(read).toEqual(rest.slice(0, covered).map((ms) => Math.round(ms * 4)))
            reported += covered
            feedbackCount++
          }
        },
      ),
      { ...seeded, numRuns: 800 },
    )
  })

  it('takes at most two bytes of chunks for seven packets', () => {
    fc.assert(
      fc.property(arrivals, (arrivalsMs) => {
        const writer = new RtcpWriter(9_000)
        const reference = Math.floor((arrivalsMs.find((ms) => !Number.isNaN(ms)) ?? 0) / 64)
        const covered = writer.transportFeedback(
          1,
          2,
          0,
          toSequenceNumber(0),
          reference,
          arrivalsMs,
          arrivalsMs.length,
        )
        if (covered === 0) return
        const feedback = feedbackOf(written(writer))
        const small = (i: number) =>
          (feedback?.deltas250us[i] ?? 0) >= 0 && (feedback?.deltas250us[i] ?? 0) <= 255
        const deltaBytes = (feedback?.received ?? []).reduce(
          (sum, arrived, i) => sum + (arrived ? (small(i) ? 1 : 2) : 0),
          0,
        )
        expect(writer.length).toBeLessThanOrEqual(20 + 2 * Math.ceil(covered / 7) + deltaBytes + 3)
      }),
      { ...seeded, numRuns: 300 },
    )
  })
})

describe('the distance of reference times', () => {
  it.each([
    [0, 64, 64],
    [64, 0, -64],
    [(2 ** 23 - 1) * 64, -(2 ** 23) * 64, 64],
    [-(2 ** 23) * 64, (2 ** 23 - 1) * 64, -64],
  ])('from %i ms to %i ms is %i ms', (from, to, distance) => {
    expect(referenceTimeDistanceMs(from, to)).toBe(distance)
  })
})
