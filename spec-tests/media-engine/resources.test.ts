/** Sessions leave nothing behind on the media thread: no session, stream, timer, path, packet memory or OpenSSL object. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import type { EndReason, MediaEvent, MediaStatistics, TransportParameters } from '../../src/media/contract.ts'
import { MediaEngine } from '../../src/media/engine.ts'
import { DtlsConnection } from '../../src/media/native/dtls.ts'
import { NativeMemory } from '../../src/media/native/memory.ts'
import { createIdentity } from '../support/remote-peer.ts'
import { bindingRequest } from '../support/stun-client.ts'
import { waitFor } from '../support/wait.ts'

const SESSIONS = 2_000
const BATCH = 100
const atRest = { sessions: 0, streams: 0, nativeBytes: 0, openSslObjects: 0, timers: 0 }

const feedback = { nack: true, pli: true, fir: false, transportCc: false, remb: false }
const video = {
  mid: '0',
  kind: 'video',
  codec: 'VP8',
  clockRate: 90_000,
  payloadType: 96,
  extensions: {},
  feedback,
} as const

let engine: MediaEngine | undefined
afterEach(() => {
  engine?.execute({ type: 'shut-down' })
  engine = undefined
})

async function startEngine(options: { connectTimeoutMs?: number; udpSender?: 'native' | 'portable' } = {}) {
  const identity = await createIdentity()
  const events: MediaEvent[] = []
  const started = new MediaEngine(
    {
      port: 0,
      addresses: ['127.0.0.1'],
      certificate: identity.certificate.certificate,
      privateKey: identity.certificate.privateKey,
      consentTimeoutMs: 30_000,
      connectTimeoutMs: options.connectTimeoutMs ?? 15_000,
      packetStoreBytes: 1 << 20,
      keyframeRequestIntervalMs: 500,
      maxPublishBitrate: 10_000_000,
      udpSender: options.udpSender ?? 'auto',
      instantStart: true,
      instantStartBytes: 1 << 20,
      instantStartMs: 10_000,
    },
    (event) => events.push(event),
  )
  engine = started
  await started.open()
  const listening = events.find((event) => event.type === 'listening')
  const port = listening?.addresses[0]?.port ?? 0

  const transport = (id: string): TransportParameters => ({
    localUfrag: `u${id}`,
    localPassword: 'a-password-of-24-letters',
    remoteUfrag: 'remote',
    remotePassword: 'a-password-of-24-letters',
    dtlsRole: 'server',
    remoteFingerprints: [identity.certificate.fingerprint],
  })
  const open = (id: string, stream: string, role: 'publisher' | 'viewer'): void => {
    const common = { session: id, stream, transport: transport(id) }
    if (role === 'publisher')
      started.execute({ type: 'open-publisher', ...common, tracks: [{ ...video, encodings: [{ ssrc: 1 }] }] })
    else started.execute({ type: 'open-viewer', ...common, tracks: [{ ...video, ssrc: 2, cname: 'c' }] })
  }
  const statistics = (): MediaStatistics => {
    started.execute({ type: 'get-statistics', request: 1 })
    const event = events.pop()
    if (event?.type !== 'statistics') throw new Error('no statistics')
    return event.statistics
  }
  const ended = (): EndReason[] => events.flatMap((event) => (event.type === 'closed' ? [event.reason] : []))
  return {
    identity,
    port,
    open,
    close: (id: string) => started.execute({ type: 'close-session', session: id, reason: 'deleted' }),
    statistics,
    ended,
    events,
  }
}

describe.each(['native', 'portable'] as const)('with the %s sender', (udpSender) => {
  it(`${SESSIONS} sessions that were opened, checked and closed leave nothing`, async () => {
    const { port, open, close, statistics, ended } = await startEngine({ udpSender })
    const client = createSocket('udp4')
    client.bind(0, '127.0.0.1')
    await once(client, 'listening')
    let answers = 0
    client.on('message', () => answers++)
    for (let batch = 0; batch < SESSIONS; batch += BATCH) {
      for (let i = batch; i < batch + BATCH; i++) {
        open(String(i), `stream ${Math.floor(i / 10)}`, i % 10 === 0 ? 'publisher' : 'viewer')
        const username = `u${i}:remote`
        client.send(
          bindingRequest({
            username,
            password: 'a-password-of-24-letters',
            priority: 1,
            role: 'controlling',
          }),
          port,
          '127.0.0.1',
        )
      }
      expect(statistics().resources).toMatchObject({ sessions: BATCH, streams: BATCH / 10, timers: BATCH })
      await waitFor('the answers to the checks', () => answers >= batch + BATCH)
      for (let i = batch; i < batch + BATCH; i++) close(String(i))
    }
    expect(statistics().resources).toEqual(atRest)
    expect(ended()).toEqual(Array<EndReason>(SESSIONS).fill('deleted'))
    client.close()
  })
})

it('sessions that connected and then fell silent leave nothing either', async () => {
  const { identity, port, open, close, statistics, ended, events } = await startEngine()
  for (let i = 0; i < 20; i++) {
    open(String(i), 's', i === 0 ? 'publisher' : 'viewer')
    const client = createSocket('udp4')
    client.bind(0, '127.0.0.1')
    await once(client, 'listening')
    const dtls = new DtlsConnection(identity.context, 'client')
    const memory = new NativeMemory(2048)
    const flush = (): void =>
      dtls.takeDatagrams((out, offset, length) =>
        client.send(Buffer.from(out.bytes.slice(offset, offset + length)), port, '127.0.0.1'),
      )
    client.on('message', (message) => {
      if ((message[0] as number) < 4) dtls.handshake()
      else {
        memory.bytes.set(message)
        dtls.receive(memory, 0, message.length)
      }
      flush()
    })
    const username = `u${i}:remote`
    client.send(
      bindingRequest({
        username,
        password: 'a-password-of-24-letters',
        priority: 1,
        role: 'controlling',
        useCandidate: true,
      }),
      port,
      '127.0.0.1',
    )
    await waitFor('connected', () =>
      events.some((event) => event.type === 'connected' && event.session === String(i)),
    )
    client.close()
    dtls.free()
  }
  expect(statistics().resources).toMatchObject({ sessions: 20, streams: 1 })
  for (let i = 0; i < 20; i++) close(String(i))
  expect(statistics().resources).toEqual(atRest)
  expect(ended()).toHaveLength(20)
})

it('sessions whose client never came end by themselves and leave nothing', async () => {
  const { open, statistics, ended } = await startEngine({ connectTimeoutMs: 100 })
  for (let i = 0; i < 50; i++) open(String(i), 's', i === 0 ? 'publisher' : 'viewer')
  await waitFor('the ends', () => ended().length === 50)
  expect(new Set(ended())).toEqual(new Set(['connect-timeout']))
  expect(statistics().resources).toEqual(atRest)
})
