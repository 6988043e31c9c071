/** Opens and closes 2,000 sessions: descriptors, objects and memory of the gateway return to where they were. */
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import nodeDataChannel from 'node-datachannel'
import { afterAll, beforeAll, describe } from 'vitest'
import { openSession } from '../../src/signalling/session-client.ts'
import { startGateway, type Gateway } from '../support/gateway.ts'
import { interopTest as test } from '../support/interop-test.ts'
import { startLibdatachannelPublisher } from '../support/libdatachannel-publisher.ts'
import { startLibdatachannelViewer } from '../support/libdatachannel-viewer.ts'
import { waitFor } from '../support/wait.ts'

const sessions = 2_000
const sessionsAtATime = 8
/** Sessions that complete ICE and DTLS, and so own OpenSSL objects; each costs a key exchange on both sides. */
const connectedSessions = 100
/** JavaScript objects and their buffers: a session that left only its id in a map would leave 2,000 times 200 bytes, 400 KB. */
const maxHeldGrowthBytes = 300_000
/** Native memory is only seen in what is resident, which the allocator's fragments blur: 4 KiB a session. */
const maxResidentGrowthBytes = 8 * 1024 * 1024

interface Resources {
  readonly descriptors: number
  /** Heap and buffers of both threads after a garbage collection. */
  readonly heldBytes: number
  readonly residentBytes: number
}

describe('2,000 sessions', () => {
  let gateway: Gateway

  beforeAll(async () => {
    const memoryReport = fileURLToPath(new URL('../support/memory-report.mjs', import.meta.url))
    gateway = await startGateway({ nodeArgs: ['--expose-gc', '--import', memoryReport] })
  })
  afterAll(() => gateway.stop())

  test(
    'that are opened and deleted leave no descriptor and no memory behind',
    { timeout: 90_000 },
    async ({ keep }) => {
      await keep(startLibdatachannelPublisher({ url: gateway.whipUrl('churn') }))
      const publishOffer = createOffer('SendOnly')
      const playOffer = createOffer('RecvOnly')
      const openAndEnd = async (index: number) => {
        const isViewer = index % 2 === 0
        const url = isViewer ? gateway.whepUrl('churn') : gateway.whipUrl(`churn-${index}`)
        const session = await openSession({ url, offer: isViewer ? playOffer : publishOffer })
        await session.end()
      }
      await expectNothingLeft(sessions, openAndEnd)
    },
  )

  test('that connected leave nothing behind either', { timeout: 90_000 }, async ({ keep }) => {
    await keep(startLibdatachannelPublisher({ url: gateway.whipUrl('connected') }))
    const watch = async () => {
      const viewer = await startLibdatachannelViewer({ url: gateway.whepUrl('connected'), codec: 'H264' })
      await viewer.stop()
    }
    await expectNothingLeft(connectedSessions, watch)
  })

  /** The first time pools, caches and the compiled code grow to what they need; the second time nothing may be added. */
  async function expectNothingLeft(count: number, work: (index: number) => Promise<void>): Promise<void> {
    await runAll(count, work)
    const before = await readResources(gateway)
    await runAll(count, work)
    await waitFor(
      'descriptors and memory to return',
      async () => {
        const after = await readResources(gateway)
        return (
          after.descriptors <= before.descriptors &&
          after.heldBytes - before.heldBytes < maxHeldGrowthBytes &&
          after.residentBytes - before.residentBytes < maxResidentGrowthBytes
        )
      },
      { timeoutMs: 20_000, intervalMs: 1_000 },
      async () => ({ before, after: await readResources(gateway) }),
    )
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
