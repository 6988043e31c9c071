/**
 * IP addresses and ports as Linux's sockaddr_in and sockaddr_in6, which serve as the one binary form of an address here, and as text.
 *
 *     sockaddr_in   family 2 | port 2 (network order) | address 4 | zero 8
 *     sockaddr_in6  family 2 | port 2 (network order) | flow 4 | address 16 | scope 4
 */
import { isIP } from 'node:net'
import { IPV4_SOCKET_ADDRESS_BYTES, IPV6_SOCKET_ADDRESS_BYTES } from '../native/libc.ts'

const AF_INET = 2
const AF_INET6 = 10
const IPV4_OFFSET = 4
const IPV6_OFFSET = 8

/** Encodes an address. @returns its length: 16 or 28; 0 where `address` is no IP address. */
export function writeSocketAddress(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  address: string,
  port: number,
): number {
  const zone = address.indexOf('%')
  const text = zone < 0 ? address : address.slice(0, zone)
  const family = isIP(text)
  if (family === 0) return 0
  const length = family === 4 ? IPV4_SOCKET_ADDRESS_BYTES : IPV6_SOCKET_ADDRESS_BYTES
  bytes.fill(0, offset, offset + length)
  view.setUint16(offset, family === 4 ? AF_INET : AF_INET6, true)
  view.setUint16(offset + 2, port)
  if (family === 4) writeIpv4(bytes, offset + IPV4_OFFSET, text)
  else writeIpv6(bytes, view, offset + IPV6_OFFSET, text)
  return length
}

export function socketAddressFamily(view: DataView, offset: number): 4 | 6 {
  return view.getUint16(offset, true) === AF_INET ? 4 : 6
}

export function socketAddressLength(family: 4 | 6): number {
  return family === 4 ? IPV4_SOCKET_ADDRESS_BYTES : IPV6_SOCKET_ADDRESS_BYTES
}

/** @returns `192.0.2.7:5000` or `[2001:db8::7]:5000`. */
export function describeSocketAddress(bytes: Uint8Array, view: DataView, offset: number): string {
  const port = view.getUint16(offset + 2)
  if (socketAddressFamily(view, offset) === 4) {
    return `${bytes.subarray(offset + IPV4_OFFSET, offset + IPV4_OFFSET + 4).join('.')}:${port}`
  }
  const groups: string[] = []
  for (let i = 0; i < 16; i += 2) groups.push(view.getUint16(offset + IPV6_OFFSET + i).toString(16))
  return `[${compressIpv6(groups)}]:${port}`
}

/** Where the address' bytes are, for XOR-MAPPED-ADDRESS. */
export function addressBytesOffset(family: 4 | 6, offset: number): number {
  return offset + (family === 4 ? IPV4_OFFSET : IPV6_OFFSET)
}

function writeIpv4(bytes: Uint8Array, offset: number, text: string): void {
  let value = 0
  let at = offset
  for (let i = 0; i <= text.length; i++) {
    const character = i < text.length ? text.charCodeAt(i) : DOT
    if (character === DOT) {
      bytes[at++] = value
      value = 0
    } else {
      value = value * 10 + character - ZERO
    }
  }
}
const DOT = 0x2e
const ZERO = 0x30

function writeIpv6(bytes: Uint8Array, view: DataView, offset: number, text: string): void {
  let tail = text
  const lastColon = text.lastIndexOf(':')
  if (text.includes('.')) {
    writeIpv4(bytes, offset + 12, text.slice(lastColon + 1))
    tail = `${text.slice(0, lastColon + 1)}${view.getUint16(offset + 12).toString(16)}:${view.getUint16(offset + 14).toString(16)}`
    bytes.fill(0, offset + 12, offset + 16)
  }
  const [left = '', right] = tail.split('::')
  const before = left === '' ? [] : left.split(':')
  const after = right === undefined || right === '' ? [] : right.split(':')
  before.forEach((group, i) => view.setUint16(offset + 2 * i, Number.parseInt(group, 16)))
  after.forEach((group, i) =>
    view.setUint16(offset + 16 - 2 * (after.length - i), Number.parseInt(group, 16)),
  )
}

/** RFC 5952 section 4.2: the longest run of zeros, the first of equal ones, becomes `::`. */
function compressIpv6(groups: readonly string[]): string {
  let bestStart = -1
  let bestLength = 1
  for (let i = 0; i < groups.length; i++) {
    let length = 0
    while (groups[i + length] === '0') length++
    if (length > bestLength) {
      bestStart = i
      bestLength = length
    }
    i += length
  }
  if (bestStart < 0) return groups.join(':')
  return `${groups.slice(0, bestStart).join(':')}::${groups.slice(bestStart + bestLength).join(':')}`
}
