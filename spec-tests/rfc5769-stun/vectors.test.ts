/** RFC 5769: test vectors for STUN. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  StunResponseWriter,
  createStunMessage,
  parseStun,
  verifyIntegrity,
  BINDING_SUCCESS,
} from '../../src/media/transport/stun.ts'
import { SocketPath } from '../../src/media/network/socket-path.ts'
import { writeSocketAddress } from '../../src/media/network/socket-address.ts'
import { NativeMemory } from '../../src/media/native/memory.ts'
import type { PathSocket } from '../../src/media/network/socket-path.ts'
import { bindingRequest, readAttributes } from '../support/stun-client.ts'

const password = Buffer.from('VOkJxbRl1RmTxUk/WvJxBt')

const sampleRequest = Buffer.from(
    '00010058' + '2112a442' + 'b7e7a701bc34d686fa87dfae' +
    '80220010' + '5354554e207465737420636c69656e74' +
    '00240004' + '6e0001ff' +
    '80290008' + '932ff9b151263b36' +
    '00060009' + '6576746a3a68367659202020' +
    '00080014' + '9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2' +
    '80280004' + 'e57a3bcf',
  'hex',
) // prettier-ignore

const ipv4Response = Buffer.from(
  '0101003c' + '2112a442' + 'b7e7a701bc34d686fa87dfae' +
    '8022000b' + '7465737420766563746f7220' +
    '00200008' + '0001a147e112a643' +
    '00080014' + '2b91f599fd9e90c38c7489f92af9ba53f06be7d7' +
    '80280004' + 'c07d4c96',
  'hex',
) // prettier-ignore

const ipv6Response = Buffer.from(
  '01010048' + '2112a442' + 'b7e7a701bc34d686fa87dfae' +
    '8022000b' + '7465737420766563746f7220' +
    '00200014' + '0002a1470113a9faa5d3f179bc25f4b5bed2b9d9' +
    '00080014' + 'a382954e4be67bf11784c97c8292c275bfe3ed41' +
    '80280004' + 'c8fb0b4c',
  'hex',
) // prettier-ignore

function parse(bytes: Uint8Array): ReturnType<typeof createStunMessage> | undefined {
  const message = createStunMessage()
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return parseStun(bytes, view, 0, bytes.length, message) ? message : undefined
}

describe('RFC 5769 section 2', () => {
  it('2.1: reads the sample request and verifies its integrity', () => {
    const message = parse(sampleRequest)
    expect(message).toMatchObject({
      type: 1,
      priority: 0x6e0001ff,
      role: 'controlled',
      hasFingerprint: true,
      useCandidate: false,
    })
    if (message === undefined) return
    const username = sampleRequest.subarray(
      message.usernameOffset,
      message.usernameOffset + message.usernameLength,
    )
    expect(username.toString()).toBe('evtj:h6vY')
    expect(verifyIntegrity(sampleRequest, message, password)).toBe(true)
    expect(verifyIntegrity(sampleRequest, message, Buffer.from('wrong'))).toBe(false)
  })

  it.each([
    ['2.2', ipv4Response, '192.0.2.1'],
    ['2.3', ipv6Response, '2001:db8:1234:5678:11:2233:4455:6677'],
  ])('%s: verifies the sample response, and writes its mapped address', (_section, response, address) => {
    const message = parse(response)
    expect(message).toBeDefined()
    if (message === undefined) return
    expect(verifyIntegrity(response, message, password)).toBe(true)

    const encoded = new NativeMemory(64)
    writeSocketAddress(encoded.bytes, encoded.view, 0, address, 32853)
    const path = new SocketPath({} as PathSocket, encoded, 0)
    const out = Buffer.alloc(200)
    const writer = new StunResponseWriter()
    writer.begin(out, new DataView(out.buffer, out.byteOffset), 0, BINDING_SUCCESS, response, message)
    writer.xorMappedAddress((view, at, id) => path.writeXorMappedAddress(view, at, id))
    const length = writer.end(password)
    const written = out.subarray(0, length)
    expect(readAttributes(written).get(0x0020)).toEqual(readAttributes(response).get(0x0020))
    const again = parse(written)
    expect(again?.hasFingerprint).toBe(true)
    expect(again !== undefined && verifyIntegrity(written, again, password)).toBe(true)
  })
})

describe('damaged messages', () => {
  it('refuses a message with any bit of it flipped, by fingerprint or by integrity', () => {
    for (let bit = 0; bit < sampleRequest.length * 8; bit++) {
      const damaged = Buffer.from(sampleRequest)
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7))
      const message = parse(damaged)
      expect(
        message !== undefined && verifyIntegrity(damaged, message, password) && message.hasFingerprint,
      ).toBe(false)
    }
  })

  it('never throws and never reads outside, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        parse(bytes)
      }),
      { numRuns: 2000 },
    )
  })

  it('never throws on a mutated request', () => {
    const request = bindingRequest({
      username: 'a:b',
      password: 'secret',
      priority: 1,
      useCandidate: true,
      role: 'controlling',
    })
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(request.length - 1), fc.nat(255)), { maxLength: 8 }),
        fc.nat(request.length),
        (edits, cut) => {
          const bytes = Buffer.from(request).subarray(0, cut)
          for (const [at, value] of edits) if (at < bytes.length) bytes[at] = value
          const message = parse(bytes)
          if (message !== undefined) verifyIntegrity(bytes, message, password)
        },
      ),
      { numRuns: 2000 },
    )
  })
})
