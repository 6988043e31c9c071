/** What both SRTP profiles must do, in both directions: one suite run by AEAD_AES_128_GCM and AES128_CM_SHA1_80. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NativeMemory } from '../../src/media/native/memory.ts'
import { liveObjects } from '../../src/media/native/openssl.ts'
import { createRtpHeader, parseRtpHeader } from '../../src/media/rtp/rtp-header.ts'
import { REPLAY_WINDOW_PACKETS } from '../../src/media/transport/replay-window.ts'
import {
  deriveSessionKeys,
  keyingMaterialBytes,
  splitKeyingMaterial,
  srtpProfiles,
} from '../../src/media/transport/srtp-keys.ts'
import { MAX_SSRCS_PER_PEER, SrtpReceiver, SrtpSender } from '../../src/media/transport/srtp-session.ts'
import * as reference from '../support/srtp-reference.ts'

const ROOM = 2048

const references = {
  AEAD_AES_128_GCM: { rtp: reference.gcmProtectRtp, rtcp: reference.gcmProtectRtcp },
  AES128_CM_SHA1_80: { rtp: reference.counterModeProtectRtp, rtcp: reference.counterModeProtectRtcp },
}

function rtpHeader(sequenceNumber: number, ssrc: number): Buffer {
  const header = Buffer.alloc(12)
  header[0] = 0x80
  header[1] = 96
  header.writeUInt16BE(sequenceNumber & 0xffff, 2)
  header.writeUInt32BE(0x01020304, 4)
  header.writeUInt32BE(ssrc >>> 0, 8)
  return header
}

function seeded(length: number, seed: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => (i * 31 + seed * 7) & 0xff))
}

describe.each(Object.values(srtpProfiles))('$name', (profile) => {
  const material = seeded(keyingMaterialBytes(profile), 5)
  const { client } = splitKeyingMaterial(profile, material)
  const expected = references[profile.name]
  const rtpKeys = deriveSessionKeys(profile, client, 'rtp')
  const rtcpKeys = deriveSessionKeys(profile, client, 'rtcp')

  /** Protects with the gateway's sender. */
  function protect(
    sender: SrtpSender,
    payload: Buffer,
    ssrc: number,
    index: number,
    prefix = Buffer.alloc(0),
  ): Buffer {
    const out = new NativeMemory(ROOM)
    const source = new NativeMemory(ROOM)
    const header = rtpHeader(index % 65536, ssrc)
    out.bytes.set(header, 7)
    out.bytes.set(prefix, 19)
    source.bytes.set(payload, 33)
    const length = sender.protectRtp(out, 7, 12, prefix.length, source, 33, payload.length, ssrc, index)
    expect(length).toBe(12 + prefix.length + payload.length + profile.rtpOverheadBytes)
    expect(
      Buffer.from(source.bytes.subarray(33, 33 + payload.length)),
      'the shared payload is not changed',
    ).toEqual(payload)
    return Buffer.from(out.bytes.slice(7, 7 + length))
  }

  function unprotect(
    receiver: SrtpReceiver,
    packet: Buffer,
  ): { rejection: string } | { plain: Buffer; index: number } {
    const memory = new NativeMemory(ROOM)
    memory.bytes.set(packet, 9)
    const header = createRtpHeader()
    if (!parseRtpHeader(memory.bytes, memory.view, 9, packet.length, header))
      return { rejection: 'malformed' }
    const rejection = receiver.unprotectRtp(memory, 9, packet.length, header)
    if (rejection !== undefined) return { rejection }
    return { plain: Buffer.from(memory.bytes.slice(9, 9 + receiver.length)), index: receiver.index }
  }

  it('protects RTP as the reference does, whatever the roll-over counter', () => {
    const sender = new SrtpSender(profile, client)
    for (const index of [
      0,
      1,
      65535,
      65536,
      65537,
      2 ** 31,
      2 ** 32 - 1,
      2 ** 32,
      2 ** 32 + 65535,
      2 ** 40 + 3,
    ]) {
      const payload = seeded(1100, index % 251)
      const packet = protect(sender, payload, 0xdeadbeef, index)
      const header = rtpHeader(index % 65536, 0xdeadbeef)
      expect(packet).toEqual(expected.rtp(rtpKeys, header, payload, 0xdeadbeef, BigInt(index)))
    }
    sender.free()
  })

  it('encrypts a prefix and a payload from elsewhere as one', () => {
    const sender = new SrtpSender(profile, client)
    const [prefix, payload] = [Buffer.from([0x12, 0x34]), seeded(500, 3)]
    const packet = protect(sender, payload, 77, 1234, prefix)
    expect(packet).toEqual(
      expected.rtp(rtpKeys, rtpHeader(1234, 77), Buffer.concat([prefix, payload]), 77, 1234n),
    )
    sender.free()
  })

  it('takes what it protects, at every payload length', () => {
    const sender = new SrtpSender(profile, client)
    const receiver = new SrtpReceiver(profile, client)
    for (let length = 0; length <= 200; length++) {
      const payload = seeded(length, length)
      const result = unprotect(receiver, protect(sender, payload, 5, 100 + length))
      expect(result).toMatchObject({
        plain: Buffer.concat([rtpHeader(100 + length, 5), payload]),
        index: 100 + length,
      })
    }
    sender.free()
    receiver.free()
  })

  it.each([0, 1, 100, 32767, 32768, 60000, 65000, 65400, 65500, 65530, 65533, 65534, 65535])(
    'follows reordering and the wrap of the sequence number from %i on',
    (start) => {
      const receiver = new SrtpReceiver(profile, client)
      const reference = (index: number): Buffer =>
        expected.rtp(rtpKeys, rtpHeader(index % 65536, 9), seeded(20, index), 9, BigInt(index))
      // Pairs swapped, and every tenth packet 40 late.
      const order: number[] = []
      for (let i = 0; i < 400; i += 2)
        order.push(start + i + (i === 0 ? 0 : 1), start + i + (i === 0 ? 1 : 0))
      for (let i = order.length - 60; i >= 50; i -= 10) order.splice(i + 40, 0, ...order.splice(i, 1))
      for (const index of order) expect(unprotect(receiver, reference(index))).toMatchObject({ index })
      receiver.free()
    },
  )

  it('rejects replays, and what is older than the window', () => {
    const sender = new SrtpSender(profile, client)
    const receiver = new SrtpReceiver(profile, client)
    const packets = [10, 11, 12, 9].map((index) => protect(sender, seeded(30, 1), 3, index))
    for (const packet of packets) expect(unprotect(receiver, packet)).toHaveProperty('plain')
    for (const packet of packets) expect(unprotect(receiver, packet)).toEqual({ rejection: 'srtp-replay' })
    expect(unprotect(receiver, protect(sender, seeded(30, 1), 3, 12 + REPLAY_WINDOW_PACKETS))).toHaveProperty(
      'plain',
    )
    expect(unprotect(receiver, protect(sender, seeded(30, 1), 3, 8))).toEqual({ rejection: 'srtp-replay' })
    sender.free()
    receiver.free()
  })

  it('rejects a packet with any byte changed, and keeps its state', () => {
    const sender = new SrtpSender(profile, client)
    const receiver = new SrtpReceiver(profile, client)
    const packet = protect(sender, seeded(40, 2), 3, 500)
    for (let at = 0; at < packet.length; at++) {
      const damaged = Buffer.from(packet)
      damaged[at] = (damaged[at] as number) ^ 0x01
      expect(unprotect(receiver, damaged)).toHaveProperty('rejection')
    }
    expect(unprotect(receiver, packet)).toHaveProperty('plain')
    sender.free()
    receiver.free()
  })

  it('looks after a bounded number of SSRCs, and lets forged ones take no place', () => {
    const sender = new SrtpSender(profile, client)
    const receiver = new SrtpReceiver(profile, client)
    for (let ssrc = 1; ssrc <= 200; ssrc++) {
      const forged = protect(sender, seeded(10, 1), 10_000 + ssrc, 1)
      forged[forged.length - 1] = (forged.at(-1) as number) ^ 0xff
      expect(unprotect(receiver, forged)).toEqual({ rejection: 'srtp-not-authentic' })
    }
    for (let ssrc = 1; ssrc <= MAX_SSRCS_PER_PEER; ssrc++) {
      expect(unprotect(receiver, protect(sender, seeded(10, 1), ssrc, 1))).toHaveProperty('plain')
    }
    expect(unprotect(receiver, protect(sender, seeded(10, 1), 999, 1))).toEqual({
      rejection: 'srtp-too-many-ssrcs',
    })
    sender.free()
    receiver.free()
  })

  it('protects RTCP as the reference does, with a rising index, and takes it back once', () => {
    const sender = new SrtpSender(profile, client)
    const receiver = new SrtpReceiver(profile, client)
    const plain = Buffer.concat([Buffer.from('81c90007', 'hex'), seeded(28, 9)])
    for (let index = 1; index <= 3; index++) {
      const memory = new NativeMemory(ROOM)
      memory.bytes.set(plain, 11)
      const length = sender.protectRtcp(memory, 11, plain.length)
      expect(length).toBe(plain.length + profile.rtcpOverheadBytes)
      const packet = Buffer.from(memory.bytes.slice(11, 11 + length))
      expect(packet).toEqual(expected.rtcp(rtcpKeys, plain, index))
      for (const outcome of [undefined, 'srtp-replay']) {
        memory.bytes.set(packet, 11)
        expect(receiver.unprotectRtcp(memory, 11, length)).toBe(outcome)
      }
      memory.bytes.set(packet, 11)
    }
    sender.free()
    receiver.free()
  })

  it('never throws on random bytes', () => {
    const receiver = new SrtpReceiver(profile, client)
    const memory = new NativeMemory(ROOM)
    const header = createRtpHeader()
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (bytes) => {
        bytes[0] = 0x80 | ((bytes[0] as number) & 0x3f)
        memory.bytes.set(bytes)
        if (parseRtpHeader(memory.bytes, memory.view, 0, bytes.length, header)) {
          expect(receiver.unprotectRtp(memory, 0, bytes.length, header)).toBe('srtp-not-authentic')
        }
        memory.bytes.set(bytes)
        expect(receiver.unprotectRtcp(memory, 0, bytes.length)).toBe('srtp-not-authentic')
      }),
      { numRuns: 500 },
    )
    receiver.free()
  })

  it('leaves no OpenSSL object behind', () => {
    const before = liveObjects.ciphers
    const sender = new SrtpSender(profile, client)
    const receiver = new SrtpReceiver(profile, client)
    unprotect(receiver, protect(sender, seeded(10, 1), 1, 1))
    expect(liveObjects.ciphers).toBe(before + 2)
    sender.free()
    receiver.free()
    expect(liveObjects.ciphers).toBe(before)
  })
})
