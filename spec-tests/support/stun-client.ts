/** Writes the STUN messages that a client sends (RFC 8489), independently of the gateway's own code. */
import { createHmac, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

export interface BindingRequest {
  readonly username?: string
  readonly password?: string
  readonly priority?: number
  readonly useCandidate?: boolean
  readonly role?: 'controlling' | 'controlled'
  /** Further attributes, in front of MESSAGE-INTEGRITY. */
  readonly attributes?: readonly { readonly type: number; readonly value: Uint8Array }[]
  readonly fingerprint?: boolean
}

export function attribute(type: number, value: Uint8Array): Buffer {
  const padded = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4)
  padded.writeUInt16BE(type, 0)
  padded.writeUInt16BE(value.length, 2)
  padded.set(value, 4)
  return padded
}

export function bindingRequest(request: BindingRequest): Buffer {
  const parts: Buffer[] = []
  if (request.username !== undefined) parts.push(attribute(0x0006, Buffer.from(request.username)))
  if (request.priority !== undefined) {
    const value = Buffer.alloc(4)
    value.writeUInt32BE(request.priority)
    parts.push(attribute(0x0024, value))
  }
  if (request.role !== undefined)
    parts.push(attribute(request.role === 'controlling' ? 0x802a : 0x8029, Buffer.alloc(8, 7)))
  if (request.useCandidate === true) parts.push(attribute(0x0025, Buffer.alloc(0)))
  for (const { type, value } of request.attributes ?? []) parts.push(attribute(type, value))
  const header = Buffer.alloc(20)
  header.writeUInt16BE(0x0001, 0)
  header.writeUInt32BE(0x2112a442, 4)
  randomBytes(12).copy(header, 8)
  let message = Buffer.concat([header, ...parts])
  if (request.password !== undefined) {
    message.writeUInt16BE(message.length - 20 + 24, 2)
    const code = createHmac('sha1', request.password).update(message).digest()
    message = Buffer.concat([message, attribute(0x0008, code)])
  }
  if (request.fingerprint !== false) {
    message.writeUInt16BE(message.length - 20 + 8, 2)
    const value = Buffer.alloc(4)
    value.writeUInt32BE((crc32(message) ^ 0x5354554e) >>> 0)
    message = Buffer.concat([message, attribute(0x8028, value)])
  }
  message.writeUInt16BE(message.length - 20, 2)
  return message
}

/** Attributes of a message by type. */
export function readAttributes(message: Uint8Array): Map<number, Buffer> {
  const buffer = Buffer.from(message)
  const attributes = new Map<number, Buffer>()
  for (let at = 20; at + 4 <= buffer.length;) {
    const length = buffer.readUInt16BE(at + 2)
    attributes.set(buffer.readUInt16BE(at), buffer.subarray(at + 4, at + 4 + length))
    at += 4 + Math.ceil(length / 4) * 4
  }
  return attributes
}
