import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toSequenceNumber } from '../../src/media/rtp/sequence-number.ts'
import {
  createPair,
  createRandom,
  playedVideo,
  receive,
  receiveRtcp,
  startingSequenceNumbers,
  tagOf,
  videoRtxSsrc,
  vp8Payload,
  withoutRtx,
  type SentPacket,
} from './harness.ts'

interface Arrival {
  readonly at: number
  readonly tag: number
  readonly isPadding: boolean
  readonly byRtx: boolean
}

/** What a network with loss, reordering, repairs and duplicates makes of `count` packets. */
function script(count: number, random: () => number): { arrivals: Arrival[]; arrived: Set<number> } {
  const chance = (share: number) => random() / 2 ** 32 < share
  const arrivals: Arrival[] = []
  const arrived = new Set<number>()
  for (let tag = 0; tag < count; tag++) {
    // The first packet is the keyframe that everything starts with, the last ones make the end comparable.
    const isSure = tag === 0 || tag === count - 1
    const isPadding = !isSure && chance(0.15)
    const add = (at: number, byRtx: boolean) => {
      arrivals.push({ at, tag, isPadding, byRtx })
      arrived.add(tag)
    }
    if (isSure || !chance(0.06)) {
      const delay = isSure || chance(0.8) ? 0 : 1 + (random() % 8)
      add(tag + delay, false)
      // libwebrtc probes with RTX copies of what it sent before.
      if (!isPadding && chance(0.03)) add(tag + delay + 5, true)
    } else if (chance(0.7)) {
      // Repaired; Chromium has no copy of padding, others do.
      add(tag + 15 + (random() % 20), !isPadding && chance(0.5))
    }
  }
  arrivals.sort((a, b) => a.at - b.at)
  return { arrivals, arrived }
}

function sourceTimestamp(start: number, tag: number): number {
  return (start * 1000 + Math.floor(tag / 3) * 3000) >>> 0
}

function run(start: number, seed: number, hasRtx: boolean) {
  const random = createRandom(seed)
  const count = 300
  const { arrivals, arrived } = script(count, random)
  const played = hasRtx ? playedVideo : withoutRtx(playedVideo)
  const { publisher, stream, sink, viewer } = createPair({ played: [played], seed })
  const sequenceOf = new Map<number, number>()
  const seen: SentPacket[] = []
  let firstSequence = -1

  const check = (packets: SentPacket[]) => {
    for (const packet of packets) {
      const isRtx = packet.ssrc === playedVideo.rtxSsrc
      const original = isRtx ? new DataView(packet.prefix.buffer).getUint16(0) : packet.sequence
      if (firstSequence < 0) firstSequence = packet.sequence
      if (packet.payload.length === 0) {
        const number = isRtx ? -1 : packet.sequence
        if (number >= 0 && !seen.some((other) => other.sequence === number)) seen.push(packet)
        continue
      }
      const tag = tagOf(packet)
      const known = sequenceOf.get(tag)
      if (isRtx) {
        // Answers a NACK: the number is one that the viewer counts on.
        expect(known === undefined ? undefined : toSequenceNumber(known)).toBe(original)
      } else if (known !== undefined) {
        expect(packet.sequence).toBe(known)
      } else {
        sequenceOf.set(tag, packet.sequence)
        seen.push(packet)
      }
      const elapsed = (packet.timestamp - (seen[0]?.timestamp ?? 0)) >>> 0
      expect(elapsed).toBe((sourceTimestamp(start, tag) - sourceTimestamp(start, 0)) >>> 0)
    }
  }

  let nowMs = 0
  for (const { tag, isPadding, byRtx } of arrivals) {
    nowMs += 1
    const timestamp = sourceTimestamp(start, tag)
    if (isPadding) {
      receive(
        publisher,
        { sequence: start + tag, timestamp, payload: new Uint8Array(0), paddingBytes: 100 },
        nowMs,
      )
    } else if (byRtx) {
      const media = vp8Payload(tag === 0, tag)
      const payload = new Uint8Array(2 + media.length)
      new DataView(payload.buffer).setUint16(0, start + tag)
      payload.set(media, 2)
      receive(
        publisher,
        { sequence: 1000 + nowMs, ssrc: videoRtxSsrc, payloadType: 97, timestamp, payload },
        nowMs,
      )
    } else {
      receive(publisher, { sequence: start + tag, timestamp, payload: vp8Payload(tag === 0, tag) }, nowMs)
    }
    if (random() % 3 === 0) stream.flush(nowMs)
    if (random() % 20 === 0) {
      const wanted = firstSequence + (random() % 300)
      receiveRtcp(viewer, (writer) => writer.nack(1, playedVideo.ssrc, [wanted & 0xffff], 1), nowMs)
    }
    check(sink.takePackets())
  }
  stream.flush(nowMs)
  check(sink.takePackets())
  return { seen, sequenceOf, arrived, count }
}

describe('what a viewer sees of a disturbed source', () => {
  for (const hasRtx of [true, false]) {
    it.each(startingSequenceNumbers)(
      `is continuous but for packets that never came, ${hasRtx ? 'with' : 'without'} RTX, from %i on`,
      (start) => {
        fc.assert(
          fc.property(fc.integer({ min: 1, max: 2 ** 31 }), (seed) => {
            const { seen, sequenceOf, arrived, count } = run(start, seed, hasRtx)
            // The source's order is the viewer's order.
            const byTag = [...sequenceOf].sort(([a], [b]) => a - b)
            for (let i = 1; i < byTag.length; i++) {
              expect(byTag[i]?.[1]).toBeGreaterThan(byTag[i - 1]?.[1] ?? 0)
            }
            // No duplicates.
            const sequences = seen.map((packet) => packet.sequence).sort((a, b) => a - b)
            expect(new Set(sequences).size).toBe(sequences.length)
            // A gap for each packet that never came, and no other.
            const span = (sequences[sequences.length - 1] ?? 0) - (sequences[0] ?? 0) + 1
            expect(span - sequences.length).toBe(count - arrived.size)
          }),
          { numRuns: 12, seed: start },
        )
      },
    )
  }
})
