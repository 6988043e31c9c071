/** Many of the bench's viewers in one process: libdatachannel decrypts, and what arrives is counted packet by packet. */
import { setTimeout as delay } from 'node:timers/promises'
import nodeDataChannel, { type Track } from 'node-datachannel'
import type { JoinTimes, ReceivedCount, ViewersCommand, ViewersEvent } from './messages.ts'
import { createPeer, gatherOffer, join } from './peer.ts'
import { readStamp } from './stream.ts'

/** Counters are remembered modulo this: more packets than any run sends, so that none is mistaken for another. */
const rememberedPackets = 1 << 16
/** The delay of one packet in so many is kept. */
const delaySampling = 16

const report = (event: ViewersEvent) => process.send?.(event)

class Viewer {
  readonly peer: ReturnType<typeof createPeer>
  firstPacketAtMs: number | undefined
  firstKeyframeAtMs: number | undefined
  /** How often the packet with each counter came. */
  readonly #arrivals = new Uint8Array(rememberedPackets)
  readonly #delaysMs = new Float32Array(rememberedPackets / delaySampling)

  /** Kept: a track that is collected as garbage receives nothing. */
  readonly #track: Track

  constructor(name: string) {
    this.peer = createPeer(name)
    const video = new nodeDataChannel.Video('video', 'RecvOnly')
    video.addH264Codec(96)
    this.#track = this.peer.addTrack(video)
    this.#track.onMessage((packet) => {
      this.#receive(packet)
    })
  }

  #receive(packet: Buffer): void {
    const stamp = readStamp(packet)
    if (stamp === undefined) return
    this.firstPacketAtMs ??= performance.now()
    if (stamp.isKeyframe) this.firstKeyframeAtMs ??= performance.now()
    const slot = stamp.counter % rememberedPackets
    this.#arrivals[slot] = Math.min(255, (this.#arrivals[slot] ?? 0) + 1)
    if (slot % delaySampling === 0) {
      this.#delaysMs[slot / delaySampling] = Number(process.hrtime.bigint() - stamp.sentAtNs) / 1e6
    }
  }

  count(from: number, to: number, delaysMs: number[]): ReceivedCount {
    let packets = 0
    let duplicates = 0
    for (let counter = from; counter < to; counter++) {
      const slot = counter % rememberedPackets
      const arrivals = this.#arrivals[slot] ?? 0
      if (arrivals === 0) continue
      packets += 1
      duplicates += arrivals - 1
      if (slot % delaySampling === 0) delaysMs.push(this.#delaysMs[slot / delaySampling] ?? 0)
    }
    return { packets, duplicates }
  }
}

const viewers: Viewer[] = []

async function joinOne(endpoint: string, timeoutMs: number): Promise<JoinTimes> {
  const viewer = new Viewer(`viewer-${process.pid}-${viewers.length}`)
  viewers.push(viewer)
  const offer = await gatherOffer(viewer.peer)
  const { startedAtMs, answeredMs, connectedMs } = await join(viewer.peer, endpoint, offer, timeoutMs)
  while (viewer.firstKeyframeAtMs === undefined && performance.now() - startedAtMs < timeoutMs)
    await delay(20)
  return {
    answeredMs,
    connectedMs,
    ...(viewer.firstPacketAtMs !== undefined && { firstPacketMs: viewer.firstPacketAtMs - startedAtMs }),
    ...(viewer.firstKeyframeAtMs !== undefined && {
      firstKeyframeMs: viewer.firstKeyframeAtMs - startedAtMs,
    }),
  }
}

/** Viewers arrive one after the other, `intervalMs` apart, whether or not those before them are done. */
async function joinAll(command: Extract<ViewersCommand, { type: 'join' }>): Promise<void> {
  const attempts: Promise<JoinTimes>[] = []
  // The first fetch of a process loads the HTTP client: that is not the gateway's time.
  await fetch(new URL('/healthz', command.endpoint)).then((response) => response.arrayBuffer())
  for (let index = 0; index < command.viewers; index++) {
    const attempt = joinOne(command.endpoint, command.timeoutMs)
    // Failures are collected below; one that comes earlier must not end the process.
    attempt.catch(() => undefined)
    attempts.push(attempt)
    await delay(command.intervalMs)
  }
  const results = await Promise.allSettled(attempts)
  report({
    type: 'joined',
    joins: results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])),
    failures: results.flatMap((result) => (result.status === 'rejected' ? [String(result.reason)] : [])),
  })
}

process.on('message', (command: ViewersCommand) => {
  if (command.type === 'join') {
    void joinAll(command)
    return
  }
  const delaysMs: number[] = []
  report({
    type: 'received',
    viewers: viewers.map((viewer) => viewer.count(command.from, command.to, delaysMs)),
    delaysMs,
  })
})
process.on('disconnect', () => process.exit())
