/** Opens and closes 2,000 sessions: descriptors and memory of the gateway return to where they were. */
import { readdirSync, readFileSync } from 'node:fs'
import nodeDataChannel from 'node-datachannel'
import { afterAll, beforeAll, describe } from 'vitest'
import { openSession } from '../../src/signalling/session-client.ts'
import { startGateway, type Gateway } from '../support/gateway.ts'
import { interopTest as test } from '../support/interop-test.ts'
import { startLibdatachannelPublisher } from '../support/libdatachannel-publisher.ts'
import { startLibdatachannelViewer } from '../support/libdatachannel-viewer.ts'
import { waitFor } from '../support/wait.ts'

const sessions = 2_000
/** Opened first, so that caches, pools and the JIT have what they want before the first look. */
const warmUpSessions = 400
const sessionsAtATime = 8
/** Sessions that complete ICE and DTLS, and so own OpenSSL objects; each costs a key exchange on both sides. */
const connectedSessions = 60
/** What 2,000 sessions may leave behind; a leak of 4 KiB each would be 8 MiB. */
const maxGrowthBytes = 6 * 1024 * 1024

describe('2,000 sessions', () => {
  let gateway: Gateway

  beforeAll(async () => {
    gateway = await startGateway({ nodeArgs: ['--expose-gc'] })
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
      await runAll(warmUpSessions, openAndEnd)
      const before = await settle(gateway.pid)
      await runAll(sessions, openAndEnd)
      await waitFor(
        'descriptors and memory to return',
        async () => {
          const after = await settle(gateway.pid)
          return (
            after.descriptors <= before.descriptors &&
            after.residentBytes - before.residentBytes < maxGrowthBytes
          )
        },
        { timeoutMs: 20_000, intervalMs: 500 },
        async () => ({ before, after: await settle(gateway.pid) }),
      )
    },
  )

  test('that connected leave nothing behind either', { timeout: 90_000 }, async ({ keep }) => {
    await keep(startLibdatachannelPublisher({ url: gateway.whipUrl('connected') }))
    const watch = async (index: number) => {
      const viewer = await startLibdatachannelViewer({ url: gateway.whepUrl('connected'), codec: 'H264' })
      // Every way to leave: DELETE, close_notify.
      if (index % 2 === 0) await viewer.stop()
      else viewer.close()
    }
    await runAll(connectedSessions / 2, watch)
    const before = await settle(gateway.pid)
    await runAll(connectedSessions, watch)
    await expectReturned(gateway.pid, before)
  })
})

async function expectReturned(pid: number, before: Resources): Promise<void> {
  await waitFor(
    'descriptors and memory to return',
    async () => {
      const after = await settle(pid)
      return (
        after.descriptors <= before.descriptors && after.residentBytes - before.residentBytes < maxGrowthBytes
      )
    },
    { timeoutMs: 20_000, intervalMs: 500 },
    async () => ({ before, after: await settle(pid) }),
  )
}

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

interface Resources {
  readonly descriptors: number
  readonly residentBytes: number
}

/** Resources once two looks in a row agree on the descriptors (idle HTTP connections have been closed). */
async function settle(pid: number): Promise<Resources> {
  let last = readResources(pid)
  return waitFor('the descriptors to settle', () => {
    const current = readResources(pid)
    const settled = current.descriptors === last.descriptors
    last = current
    return settled && current
  })
}

/** proc(5); Linux only, as is the fast UDP sender that is looked at here. */
function readResources(pid: number): Resources {
  const resident = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return { descriptors: readdirSync(`/proc/${pid}/fd`).length, residentBytes: Number(resident) * 1024 }
}
