/** Measures what the gateway costs per forwarded packet: one publisher, N viewers, real WHIP and WHEP, all over loopback. */
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Child } from './child.ts'
import { type Gateway, startGateway } from './gateway.ts'
import type {
  PublisherCommand,
  PublisherEvent,
  StreamSettings,
  ViewersCommand,
  ViewersEvent,
} from './messages.ts'
import { readPssKiB, readUdpBufferErrors, readUsage, usageBetween } from './process-usage.ts'
import { measureReference, type ReferenceResult } from './reference.ts'
import { describeReference, describeRuns, type Run } from './summary.ts'

const { values: options } = parseArgs({
  options: {
    viewers: { type: 'string', default: '60,100,150' },
    seconds: { type: 'string', default: '15' },
    runs: { type: 'string', default: '3' },
    'viewer-processes': { type: 'string', default: '2' },
    gateway: { type: 'string', default: 'dist/main.js' },
    json: { type: 'boolean', default: false },
  },
})

/** Bounds that keep a mistyped number from taking the machine down. */
const limits = { viewers: 500, seconds: 60, runs: 20, viewerProcesses: 8 }
const joinIntervalMs = 20
const warmUpShare = 0.25
const joinTimeoutMs = 10_000
/** After the last join, before anything is measured: the joins' garbage is collected and code is compiled. */
const settleMs = 3000
/** Packets still on their way when a count ends. */
const drainMs = 500
const referenceSeconds = 5

/** 2.5 Mbit/s and a keyframe every two seconds are what OBS starts with. */
const stream: StreamSettings = {
  bitsPerSecond: 2_500_000,
  framesPerSecond: 30,
  packetBytes: 1200,
  keyframeIntervalFrames: 60,
  keyframeWeight: 5,
}

const readInteger = (name: string, text: string, limit: number) => {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1 && value <= limit) return value
  throw new Error(`--${name}: "${text}" is not a whole number from 1 to ${limit}`)
}

const viewerProcesses = readInteger('viewer-processes', options['viewer-processes'], limits.viewerProcesses)
const windowMs = readInteger('seconds', options.seconds, limits.seconds) * 1000
const runsWanted = readInteger('runs', options.runs, limits.runs)
const viewerCounts = options.viewers.split(',').map((text) => readInteger('viewers', text, limits.viewers))
if (viewerCounts.some((count) => count < 2))
  throw new Error('--viewers: at least 2, to tell what one more costs')

type Viewers = Child<ViewersCommand, ViewersEvent>

/** Shares `viewerCount` among the processes; resolves when each viewer has got a keyframe or has given up. */
function joinAll(children: readonly Viewers[], endpoint: string, viewerCount: number) {
  const intervalMs = joinIntervalMs * children.length
  return Promise.all(
    children.map((child, index) => {
      const viewers = Math.floor((viewerCount + index) / children.length)
      return child.ask({ type: 'join', endpoint, viewers, intervalMs, timeoutMs: joinTimeoutMs }, 'joined')
    }),
  )
}

/** Proportional set size, with and without the pages that V8 keeps for later. */
async function measureMemory(gateway: Gateway): Promise<{ pssKiB: number; liveKiB: number }> {
  const unusedKiB = (await gateway.unusedHeapBytes()) / 1024
  const pssKiB = readPssKiB(gateway.pid)
  return { pssKiB, liveKiB: pssKiB - unusedKiB }
}

async function measure(viewerCount: number): Promise<Run> {
  const gateway = await startGateway(options.gateway)
  const publisher = new Child<PublisherCommand, PublisherEvent>('publisher.js')
  const viewers = Array.from(
    { length: Math.min(viewerProcesses, viewerCount) },
    (): Viewers => new Child('viewers.js'),
  )
  const position = async () => (await publisher.ask({ type: 'position' }, 'position')).packets
  try {
    const endpoint = `${gateway.url}/whep/bench`
    await publisher.ask(
      { type: 'publish', endpoint: `${gateway.url}/whip/bench`, settings: stream },
      'publishing',
    )
    // The first viewers warm the gateway up: what is compiled and allocated once is not a viewer's memory.
    const warmUp = Math.ceil(viewerCount * warmUpShare)
    const joined = await joinAll(viewers, endpoint, warmUp)
    await delay(settleMs)
    const few = await measureMemory(gateway)
    joined.push(...(await joinAll(viewers, endpoint, viewerCount - warmUp)))
    await delay(settleMs)

    const errorsBefore = readUdpBufferErrors()
    const from = await position()
    const usageBefore = readUsage(gateway.pid)
    await delay(windowMs)
    const to = await position()
    const usageAfter = readUsage(gateway.pid)
    await delay(drainMs)
    const errorsAfter = readUdpBufferErrors()
    const all = await measureMemory(gateway)
    const counts = await Promise.all(
      viewers.map((child) => child.ask({ type: 'count', from, to }, 'received')),
    )

    const received = counts.flatMap((count) => count.viewers)
    return {
      viewers: viewerCount,
      expectedPackets: (to - from) * viewerCount,
      receivedPackets: received.reduce((sum, viewer) => sum + viewer.packets, 0),
      duplicates: received.reduce((sum, viewer) => sum + viewer.duplicates, 0),
      usage: usageBetween(gateway.pid, usageBefore, usageAfter),
      joins: joined.flatMap((event) => event.joins),
      joinFailures: joined.flatMap((event) => event.failures),
      delaysMs: counts.flatMap((count) => count.delaysMs),
      kibibytesPerViewer: (all.liveKiB - few.liveKiB) / (viewerCount - warmUp),
      pssKiB: all.pssKiB,
      udpReceiveBufferErrors: errorsAfter.receive - errorsBefore.receive,
      udpSendBufferErrors: errorsAfter.send - errorsBefore.send,
    }
  } finally {
    await Promise.all([publisher.stop(), ...viewers.map((child) => child.stop())])
    await gateway.stop()
  }
}

for (const viewerCount of viewerCounts) {
  const runs: Run[] = []
  const references: (readonly ReferenceResult[])[] = []
  // The reference is measured between the runs, so that both see the same noise of the machine.
  for (let run = 0; run < runsWanted; run++) {
    const result = await measure(viewerCount)
    for (const failure of new Set(result.joinFailures)) console.error(`A join failed: ${failure}`)
    runs.push(result)
    const reference = await measureReference(viewerCount, referenceSeconds, stream)
    if (typeof reference === 'string') console.log(`C reference: ${reference}`)
    else references.push(reference)
  }
  if (options.json) {
    const withoutSamples = runs.map((run) => ({ ...run, delaysMs: undefined }))
    console.log(JSON.stringify({ viewers: viewerCount, runs: withoutSamples, references }))
  }
  console.log(
    `\n${viewerCount} viewers, ${runs.length} runs of ${windowMs / 1000} s: median (lowest to highest)`,
  )
  console.log(describeRuns(runs))
  if (references.length > 0) console.log(describeReference(references, runs))
}
