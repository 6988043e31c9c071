/** Opens and closes 2,000 sessions: descriptors, objects and memory of the gateway return to where they were. */
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import nodeDataChannel from 'node-datachannel'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { openSession } from '../../src/signalling/session-client.ts'
import { startGateway, type Gateway } from '../support/gateway.ts'
import { interopTest as test, type InteropFixtures } from '../support/interop-test.ts'
import { startLibdatachannelPublisher } from '../support/libdatachannel-publisher.ts'
import { startLibdatachannelViewer } from '../support/libdatachannel-viewer.ts'
import { waitFor } from '../support/wait.ts'

const sessions = 2_000
const sessionsAtATime = 8
/** Sessions that complete ICE and DTLS, and so own OpenSSL objects; each costs a key exchange on both sides. */
const connectedSessions = 200
/** JavaScript objects and their buffers: 150 bytes for each of 2,000 sessions. */
const maxHeldGrowthBytes = 300_000
/**
 * Native memory is only seen in what is resident. After thousands of requests V8 hands pages back when it likes, so only some 32 KiB a
 * session (packet memory) would show; after connections alone 40 KiB a session (an SSL object) do.
 */
const maxResidentGrowthBytes = { opened: 64 * 1024 * 1024, connected: 8 * 1024 * 1024 }
/** So many readings in a row, half a second apart, say that nothing more is let go. */
const settledReadings = 4
const negligibleBytes = 50_000

/** Compiled code comes and goes with use, a few hundred KB of it: bytecode that stays is all there is to be. */
const steadyCode = ['--no-opt', '--no-sparkplug', '--no-flush-bytecode']

interface Resources {
  readonly descriptors: number
  /** Heap and buffers of both threads after a garbage collection. */
  readonly heldBytes: number
  readonly residentBytes: number
}

describe('2,000 sessions', () => {
  let gateway: Gateway
  /** Before the first request. */
  let restingDescriptors: number

  beforeAll(async () => {
    const memoryReport = fileURLToPath(new URL('../support/memory-report.mjs', import.meta.url))
    gateway = await startGateway({ nodeArgs: [...steadyCode, '--expose-gc', '--import', memoryReport] })
    restingDescriptors = (await readResources(gateway)).descriptors
  })
  afterAll(() => gateway.stop())

  test(
    'that are opened and deleted leave no descriptor and no memory behind',
    { timeout: 90_000 },
    async ({ keep }) => {
      await publishInSilence(keep, 'churn')
      const publishOffer = createOffer('SendOnly')
      const playOffer = createOffer('RecvOnly')
      const openAndEnd = async (index: number) => {
        const isViewer = index % 2 === 0
        const url = isViewer ? gateway.whepUrl('churn') : gateway.whipUrl(`churn-${index}`)
        const session = await openSession({ url, offer: isViewer ? playOffer : publishOffer })
        await session.end()
      }
      await expectNothingLeft(sessions, maxResidentGrowthBytes.opened, openAndEnd)
    },
  )

  test('that connected leave nothing behind either', { timeout: 90_000 }, async ({ keep }) => {
    await publishInSilence(keep, 'connected')
    const watch = async () => {
      const viewer = await startLibdatachannelViewer({ url: gateway.whepUrl('connected'), codec: 'H264' })
      await viewer.stop()
    }
    await expectNothingLeft(connectedSessions, maxResidentGrowthBytes.connected, watch)
  })

  /** What a publisher sends is kept for retransmission, which would be taken for a leak. */
  async function publishInSilence(keep: InteropFixtures['keep'], stream: string): Promise<void> {
    const publisher = await keep(startLibdatachannelPublisher({ url: gateway.whipUrl(stream) }))
    publisher.pause()
  }

  /** The first time pools, caches and the compiled code grow to what they need; the second time nothing may be added. */
  async function expectNothingLeft(
    count: number,
    residentBytes: number,
    work: (index: number) => Promise<void>,
  ): Promise<void> {
    await runAll(count, work)
    const before = await readSettledResources(gateway, restingDescriptors)
    await runAll(count, work)
    const after = await readSettledResources(gateway, restingDescriptors)
    expect(after.heldBytes - before.heldBytes, 'bytes held by objects').toBeLessThan(maxHeldGrowthBytes)
    expect(after.residentBytes - before.residentBytes, 'resident bytes').toBeLessThan(residentBytes)
  }
})

async function runAll(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: sessionsAtATime }, worker))
}

/** One offer serves all: only its credentials would differ, and nobody connects with them. */
function createOffer(direction: 'SendOnly' | 'RecvOnly'): string {
  const { Audio, PeerConnection, Video } = nodeDataChannel
  const connection = new PeerConnection('offer', { iceServers: [] })
  const audio = new Audio('0', direction)
  audio.addOpusCodec(111)
  const video = new Video('1', direction)
  video.addH264Codec(96)
  if (direction === 'SendOnly') {
    audio.addSSRC(1_001, 'offer', 'stream', 'audio')
    video.addSSRC(1_002, 'offer', 'stream', 'video')
  }
  connection.addTrack(audio)
  connection.addTrack(video)
  connection.setLocalDescription('offer')
  const offer = connection.localDescription()?.sdp ?? ''
  connection.close()
  return offer
}

/** Idle HTTP connections are closed and buffers let go by and by: waits for the first, and until the second get no less. */
async function readSettledResources(gateway: Gateway, restingDescriptors: number): Promise<Resources> {
  const readings: Resources[] = []
  return waitFor(
    `no more than ${restingDescriptors} descriptors, and memory to settle`,
    async () => {
      readings.push(await readResources(gateway))
      const [first, ...later] = readings.slice(-settledReadings)
      if (first === undefined || later.length < settledReadings - 1) return undefined
      const isSettled = later.every(({ heldBytes }) => heldBytes > first.heldBytes - negligibleBytes)
      return isSettled && first.descriptors <= restingDescriptors && first
    },
    { timeoutMs: 30_000, intervalMs: 500 },
    () => readings.at(-1),
  )
}

async function readResources(gateway: Gateway): Promise<Resources> {
  const reports = () => gateway.log().filter((line) => line['event'] === 'memory-report')
  const already = reports().length
  process.kill(gateway.pid, 'SIGUSR2')
  const report = await waitFor('a memory report', () => reports()[already])
  return {
    descriptors: readdirSync(`/proc/${gateway.pid}/fd`).length,
    heldBytes: Number(report['heldBytes']),
    residentBytes: Number(report['residentBytes']),
  }
}
