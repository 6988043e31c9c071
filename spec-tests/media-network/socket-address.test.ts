/** IP addresses between text and sockaddr, and the table of paths. */
import fc from 'fast-check'
import { isIP } from 'node:net'
import { describe, expect, it } from 'vitest'
import { NativeMemory } from '../../src/media/native/memory.ts'
import { describeSocketAddress, writeSocketAddress } from '../../src/media/network/socket-address.ts'
import { PathTable, SocketPath, type PathSocket } from '../../src/media/network/socket-path.ts'

const memory = new NativeMemory(256)

function roundTrip(address: string, port: number): string {
  expect(writeSocketAddress(memory.bytes, memory.view, 32, address, port)).toBe(isIP(address) === 4 ? 16 : 28)
  return describeSocketAddress(memory.bytes, memory.view, 32)
}

describe('socket addresses', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1:5000'],
    ['255.0.1.20', '255.0.1.20:5000'],
    ['::1', '[::1]:5000'],
    ['::', '[::]:5000'],
    ['2001:db8::7', '[2001:db8::7]:5000'],
    ['2001:db8:0:0:1:0:0:1', '[2001:db8::1:0:0:1]:5000'],
    ['1:2:3:4:5:6:7:8', '[1:2:3:4:5:6:7:8]:5000'],
    ['1:0:3:4:5:6:7:8', '[1:0:3:4:5:6:7:8]:5000'],
    ['::ffff:192.0.2.1', '[::ffff:c000:201]:5000'],
    ['64:ff9b::192.0.2.33', '[64:ff9b::c000:221]:5000'],
    ['1::', '[1::]:5000'],
  ])('writes %s as %s', (address, text) => expect(roundTrip(address, 5000)).toBe(text))

  it('writes any IPv4 and IPv6 address so that it reads the same again', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.nat(65535), (address, port) => {
        expect(roundTrip(address, port)).toBe(`${address}:${port}`)
      }),
    )
    fc.assert(
      fc.property(fc.ipV6(), fc.nat(65535), (address, port) => {
        const text = roundTrip(address, port)
        const again = text.slice(1, text.lastIndexOf(']'))
        expect(roundTrip(again, port)).toBe(text)
      }),
    )
  })

  it('writes nothing for what is no address', () => {
    for (const text of ['', 'localhost', '1.2.3', '1.2.3.4.5', 'g::1', '::1::']) {
      expect(writeSocketAddress(memory.bytes, memory.view, 0, text, 1)).toBe(0)
    }
  })
})

describe('the table of paths', () => {
  const sockets = [0, 1].map((index) => ({ index }) as PathSocket)
  const pathFrom = (socket: PathSocket, address: string, port: number): SocketPath => {
    const encoded = new NativeMemory(64)
    writeSocketAddress(encoded.bytes, encoded.view, 0, address, port)
    return new SocketPath(socket, encoded, 0)
  }
  const [first, second] = sockets as [PathSocket, PathSocket]

  it('finds the owner by socket, address and port, and nobody else', () => {
    const table = new PathTable<string>(1)
    const entries: [PathSocket, string, number][] = [
      [first, '192.0.2.1', 1000],
      [first, '192.0.2.1', 1001],
      [first, '192.0.2.2', 1000],
      [second, '192.0.2.1', 1000],
      [first, '2001:db8::1', 1000],
      [second, '2001:db8::1', 1000],
      [first, '2001:db8::2', 1000],
    ]
    const lasting = entries.map((entry, i) => table.add(pathFrom(...entry), `owner ${i}`))
    entries.forEach((entry, i) => {
      const path = pathFrom(...entry)
      expect(table.find(entry[0], path.memory, path.offset)).toEqual({
        path: lasting[i],
        owner: `owner ${i}`,
      })
    })
    const unknown = pathFrom(first, '192.0.2.9', 1000)
    expect(table.find(first, unknown.memory, 0)).toBeUndefined()
    for (const path of lasting) if (path !== undefined) table.remove(path)
    expect(table.size).toBe(0)
  })

  it('gives an address to its new owner, and the old one cannot take it away', () => {
    const table = new PathTable<string>(1)
    const path = pathFrom(first, '192.0.2.1', 7)
    const old = table.add(path, 'old')
    const current = table.add(path, 'new')
    expect(table.find(first, path.memory, 0)).toEqual({ path: current, owner: 'new' })
    if (old !== undefined) table.remove(old)
    expect(table.find(first, path.memory, 0)).toEqual({ path: current, owner: 'new' })
  })

  it('writes no new address over one that is still to be sent to', () => {
    const table = new PathTable<string>(1)
    const removed = table.add(pathFrom(first, '192.0.2.1', 7), 'old')
    if (removed !== undefined) table.remove(removed)
    table.add(pathFrom(first, '192.0.2.2', 8), 'new')
    expect(removed?.describe()).toBe('192.0.2.1:7')
    table.recycle()
    for (let i = 0; i < 300; i++) table.add(pathFrom(first, '192.0.2.3', i), 'later')
    expect(removed?.describe()).not.toBe('192.0.2.1:7')
  })

  it('keeps a lasting copy: what it was given may change', () => {
    const table = new PathTable<string>(1)
    const path = pathFrom(first, '192.0.2.1', 7)
    const lasting = table.add(path, 'owner')
    path.memory.bytes.fill(0)
    expect(lasting?.describe()).toBe('192.0.2.1:7')
  })
})
