/** One peer connection below RTP: ICE-lite, DTLS (RFC 6347, RFC 5764) and SRTP together, both DTLS roles. */
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { NativeMemory } from '../../src/media/native/memory.ts'
import { liveObjects } from '../../src/media/native/openssl.ts'
import { PeerPair, createIdentity } from '../support/remote-peer.ts'
import type { Identity, PairOptions } from '../support/remote-peer.ts'

let gateway: Identity
let remote: Identity
let stranger: Identity
const pairs: PeerPair[] = []

beforeAll(async () => {
  ;[gateway, remote, stranger] = await Promise.all([createIdentity(), createIdentity(), createIdentity()])
})
afterEach(() => {
  for (const pair of pairs.splice(0)) pair.free()
  expect(liveObjects).toEqual({ ciphers: 0, connections: 0 })
})

function makePair(options: Partial<PairOptions> = {}): PeerPair {
  const pair = new PeerPair({ gateway, remote, gatewayRole: 'server', ...options })
  pairs.push(pair)
  return pair
}

function send(pair: PeerPair, payload: string, index: number): void {
  const offset = pair.peer.begin(1200)
  const out = pair.peer.out()
  out.view.setUint16(offset, 0x8060)
  out.view.setUint16(offset + 2, index & 0xffff)
  out.view.setUint32(offset + 4, 0)
  out.view.setUint32(offset + 8, 99)
  const source = new NativeMemory(2048)
  source.bytes.set(Buffer.from(payload))
  pair.peer.sendRtp(offset, 12, 0, source, 0, payload.length, 99, index)
}

describe.each(['server', 'client'] as const)('as DTLS %s', (gatewayRole) => {
  it('connects, and carries RTP and RTCP both ways', () => {
    const pair = makePair({ gatewayRole })
    pair.connect()
    expect(pair.connected).toBe('AEAD_AES_128_GCM')
    expect(pair.remoteState).toBe('connected')
    pair.sendRtp('from the remote', 65535)
    pair.sendRtp('and on', 65536)
    expect(pair.rtp).toEqual([
      { payload: 'from the remote', index: 65535 },
      { payload: 'and on', index: 65536 },
    ])
    send(pair, 'from the gateway', 40_000)
    const report = Buffer.from('80c90001000000ff', 'hex')
    pair.peer.sendRtcp(report, report.length)
    pair.sendRtcp(report)
    pair.exchange()
    expect(pair.remoteRtp).toEqual([{ payload: 'from the gateway', sequenceNumber: 40_000 }])
    expect(pair.drops).toEqual([])
    expect(pair.rtcp).toEqual([report])
    expect(pair.remoteRtcp).toEqual([report])
  })

  it('takes no media from a peer whose certificate is not the one in its SDP', () => {
    const pair = makePair({ gatewayRole, remoteFingerprints: [stranger.certificate.fingerprint] })
    pair.connect()
    expect(pair.connected).toBeUndefined()
    expect(pair.ended).toMatchObject([{ reason: 'dtls-failed' }])
    expect(pair.peer.begin(100)).toBe(-1)
  })

  it('takes any one of several fingerprints, whatever the case of its letters', () => {
    const { algorithm, value } = remote.certificate.fingerprint
    const fingerprints = [
      stranger.certificate.fingerprint,
      { algorithm: 'sha-512', value: 'AA' },
      { algorithm, value: value.toLowerCase() },
    ]
    const pair = makePair({ gatewayRole, remoteFingerprints: fingerprints })
    pair.connect()
    expect(pair.connected).toBeDefined()
  })

  it('ends when the peer sends close_notify, and sends one when it is closed itself', () => {
    const pair = makePair({ gatewayRole })
    pair.connect()
    pair.dtls.shutDown()
    pair.exchange()
    expect(pair.ended).toMatchObject([{ reason: 'closed-by-peer' }])

    const other = makePair({ gatewayRole })
    other.connect()
    other.peer.close()
    other.exchange()
    expect(other.remoteState).toBe('closed')
    expect(other.ended).toEqual([])
    expect(other.network.retained.size).toBe(0)
  })
})

describe('as DTLS client', () => {
  it('repeats its first ClientHello early, for a peer that did not listen yet', () => {
    const pair = makePair({ gatewayRole: 'client' })
    pair.losing = true
    pair.check()
    pair.exchange()
    pair.losing = false
    expect(pair.peer.nextTimeoutMs()).toBe(50)
    pair.nowMs = 50
    pair.peer.handleTimeout(50)
    pair.exchange()
    expect(pair.connected).toBeDefined()
  })

  it('stops repeating once the peer has answered', () => {
    const pair = makePair({ gatewayRole: 'client' })
    pair.connect()
    expect(pair.peer.nextTimeoutMs()).toBe(30_000)
  })
})

describe('once the handshake is done', () => {
  const report = Buffer.from('80c90001000000ff', 'hex')

  it.each(['server', 'client'] as const)('a %s lets OpenSSL go, and goes on without it', (gatewayRole) => {
    const pair = makePair({ gatewayRole })
    const before = liveObjects.connections
    pair.connect()
    expect(liveObjects.connections).toBe(before - 1)
    pair.sendRtcp(report)
    pair.peer.sendRtcp(report, report.length)
    pair.exchange()
    expect(pair.rtcp).toEqual([report])
    expect(pair.remoteRtcp).toEqual([report])
    pair.dtls.shutDown()
    pair.exchange()
    expect(pair.ended).toMatchObject([{ reason: 'closed-by-peer' }])
  })

  it.each(['server', 'client'] as const)('a %s still says close_notify', (gatewayRole) => {
    const pair = makePair({ gatewayRole })
    pair.connect()
    pair.sendRtcp(report)
    pair.peer.close()
    pair.exchange()
    expect(pair.remoteState).toBe('closed')
  })

  it('is not ended by a forged, a damaged or a cut alert', () => {
    const pair = makePair()
    pair.connect()
    pair.sendRtcp(report)
    pair.dtls.shutDown()
    const alerts: Buffer[] = []
    pair.dtls.takeDatagrams((memory, offset, length) =>
      alerts.push(Buffer.from(memory.bytes.slice(offset, offset + length))),
    )
    const alert = alerts[0] as Buffer
    for (let at = 0; at < alert.length; at++) {
      const damaged = Buffer.from(alert)
      damaged[at] = (damaged[at] as number) ^ 1
      pair.deliver(damaged)
      pair.deliver(alert.subarray(0, at))
    }
    pair.deliver(Buffer.from('15fefd000100000000000900020100', 'hex'))
    expect(pair.ended).toEqual([])
    pair.deliver(alert)
    expect(pair.ended).toMatchObject([{ reason: 'closed-by-peer' }])
  })

  it('the server repeats its last flight for a client that lost it, a bounded number of times', () => {
    const pair = makePair()
    pair.check()
    pair.exchange()
    pair.network.take()
    const finished = Buffer.from('16fefd0001000000000000000100', 'hex')
    const sent: number[] = []
    for (let i = 0; i < 20; i++) {
      pair.deliver(finished)
      sent.push(pair.network.take().length)
    }
    expect(sent.slice(0, 8).every((count) => count === 1)).toBe(true)
    expect(sent.slice(8)).toEqual(Array<number>(12).fill(0))
  })
})

describe('before ICE', () => {
  it('takes no DTLS from an address that no valid check has proven', () => {
    const pair = makePair()
    pair.exchange()
    expect(pair.network.sent).toEqual([])
    expect(pair.remoteState).toBe('pending')
    expect(pair.connected).toBeUndefined()
  })

  it('ends a session that never connects', () => {
    const pair = makePair({ connectTimeoutMs: 5_000 })
    expect(pair.peer.nextTimeoutMs()).toBe(5_000)
    pair.peer.handleTimeout(4_999)
    expect(pair.ended).toEqual([])
    pair.peer.handleTimeout(5_000)
    expect(pair.ended).toMatchObject([{ reason: 'connect-timeout' }])
  })
})

describe('consent', () => {
  it('expires after the configured silence and not before; checks and authentic packets renew it', () => {
    const pair = makePair({ consentTimeoutMs: 10_000 })
    pair.connect()
    pair.nowMs = 4_000
    pair.check()
    pair.nowMs = 6_000
    pair.sendRtcp(Buffer.from('80c90001000000ff', 'hex'))
    pair.nowMs = 8_000
    pair.deliver(Buffer.concat([Buffer.from('80c90001000000ff', 'hex'), Buffer.alloc(24)])) // forged
    pair.peer.handleTimeout(15_999)
    expect(pair.ended).toEqual([])
    pair.peer.handleTimeout(16_000)
    expect(pair.ended).toMatchObject([{ reason: 'consent-expired' }])
    expect(pair.drops).toContain('srtp-not-authentic')
  })

  it('moves with the viewer: after a nominating check from a new address, media goes there', () => {
    const pair = makePair()
    pair.connect()
    pair.path = 'second'
    pair.nowMs = 2_000
    pair.check()
    pair.network.take()
    send(pair, 'x', 1)
    expect(pair.network.take().map(({ path }) => path)).toEqual(['second'])
    pair.sendRtp('from there', 1)
    expect(pair.rtp).toMatchObject([{ payload: 'from there' }])
  })
})

describe('what comes from outside', () => {
  it('is counted and survived: media before DTLS, damaged records, replays', () => {
    const pair = makePair()
    pair.check()
    pair.deliver(Buffer.from('80600001000000000000000700', 'hex'))
    expect(pair.drops).toEqual(['srtp-before-dtls'])
    pair.deliver(Buffer.alloc(60, 22))
    pair.deliver(Buffer.from([22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]))
    pair.exchange()
    expect(pair.connected).toBeDefined()
    pair.sendRtp('once', 5)
    pair.sendRtp('once', 5)
    expect(pair.rtp).toHaveLength(1)
    expect(pair.drops).toContain('srtp-replay')
    // Plain text alerts and handshake records of another association do not end it.
    pair.deliver(Buffer.from('15fefd000000000000000900020100', 'hex'))
    pair.deliver(Buffer.from('15fefd000100000000000900020100', 'hex'))
    expect(pair.ended).toEqual([])
  })
})

describe('an ICE restart', () => {
  const next = { localUfrag: 'gateway2', localPassword: 'another-password-of-24-chars' }

  it('keeps DTLS and SRTP as they are, and media on the old path until a check with the new credentials', () => {
    const pair = makePair()
    pair.connect()
    pair.peer.restartIce({ ...next, remoteUfrag: 'remote2', remotePassword: 'remote-password-2-of-24-chars' })
    send(pair, 'to the old path', 1)
    expect(pair.network.take().map(({ path }) => path)).toEqual(['first'])
    pair.check()
    expect(pair.restarts).toBe(0)
    pair.network.take()

    pair.path = 'second'
    pair.credentials = next
    pair.check()
    pair.check()
    expect(pair.restarts).toBe(1)
    pair.network.take()
    send(pair, 'to the new path', 2)
    expect(pair.network.take().map(({ path }) => path)).toEqual(['second'])
    pair.sendRtp('by the same keys', 7)
    expect(pair.rtp.map(({ payload }) => payload)).toEqual(['by the same keys'])
    expect(pair.ended).toEqual([])
  })

  it('that no check follows ends nothing: consent goes on by the old credentials', () => {
    const pair = makePair({ consentTimeoutMs: 30_000 })
    pair.connect()
    pair.peer.restartIce({ ...next, remoteUfrag: 'remote2', remotePassword: 'remote-password-2-of-24-chars' })
    for (pair.nowMs = 5_000; pair.nowMs <= 60_000; pair.nowMs += 5_000) {
      pair.check()
      pair.peer.handleTimeout(pair.nowMs)
    }
    expect(pair.ended).toEqual([])
    pair.peer.handleTimeout(pair.nowMs + 30_000)
    expect(pair.ended).toMatchObject([{ reason: 'consent-expired' }])
  })
})
