/** SRTP by node:crypto alone, straight from the RFCs' formulas: an independent check of the gateway's own. */
import { createCipheriv, createHmac } from 'node:crypto'

export interface Keys {
  readonly encryption: Uint8Array
  readonly authentication: Uint8Array
  readonly salt: Uint8Array
}

function integer(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`)
}

function bytesOf(value: bigint, length: number): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * length, '0'), 'hex')
}

/** RFC 7714 section 8. @param index the 48-bit packet index. */
export function gcmProtectRtp(
  keys: Keys,
  header: Uint8Array,
  payload: Uint8Array,
  ssrc: number,
  index: bigint,
): Buffer {
  const iv = bytesOf(integer(keys.salt) ^ ((BigInt(ssrc) << 48n) | index), 12)
  const cipher = createCipheriv('aes-128-gcm', keys.encryption, iv)
  cipher.setAAD(header)
  return Buffer.concat([header, cipher.update(payload), cipher.final(), cipher.getAuthTag()])
}

/** RFC 7714 section 9, encrypted. */
export function gcmProtectRtcp(keys: Keys, packet: Buffer, index: number): Buffer {
  const ssrc = packet.readUInt32BE(4)
  const iv = bytesOf(integer(keys.salt) ^ ((BigInt(ssrc) << 48n) | BigInt(index)), 12)
  const trailer = Buffer.alloc(4)
  trailer.writeUInt32BE((0x80000000 | index) >>> 0)
  const cipher = createCipheriv('aes-128-gcm', keys.encryption, iv)
  cipher.setAAD(Buffer.concat([packet.subarray(0, 8), trailer]))
  return Buffer.concat([
    packet.subarray(0, 8),
    cipher.update(packet.subarray(8)),
    cipher.final(),
    cipher.getAuthTag(),
    trailer,
  ])
}

/** RFC 3711 sections 4.1.1 and 4.2.1. */
export function counterModeProtectRtp(
  keys: Keys,
  header: Uint8Array,
  payload: Uint8Array,
  ssrc: number,
  index: bigint,
): Buffer {
  const iv = bytesOf((integer(keys.salt) << 16n) ^ (BigInt(ssrc) << 64n) ^ (index << 16n), 16)
  const body = createCipheriv('aes-128-ctr', keys.encryption, iv).update(payload)
  const packet = Buffer.concat([header, body])
  const tag = createHmac('sha1', keys.authentication)
    .update(packet)
    .update(bytesOf(index >> 16n, 4))
    .digest()
  return Buffer.concat([packet, tag.subarray(0, 10)])
}

/** RFC 3711 section 3.4, encrypted. */
export function counterModeProtectRtcp(keys: Keys, packet: Buffer, index: number): Buffer {
  const ssrc = packet.readUInt32BE(4)
  const iv = bytesOf((integer(keys.salt) << 16n) ^ (BigInt(ssrc) << 64n) ^ (BigInt(index) << 16n), 16)
  const body = createCipheriv('aes-128-ctr', keys.encryption, iv).update(packet.subarray(8))
  const trailer = Buffer.alloc(4)
  trailer.writeUInt32BE((0x80000000 | index) >>> 0)
  const authenticated = Buffer.concat([packet.subarray(0, 8), body, trailer])
  const tag = createHmac('sha1', keys.authentication).update(authenticated).digest()
  return Buffer.concat([authenticated, tag.subarray(0, 10)])
}
