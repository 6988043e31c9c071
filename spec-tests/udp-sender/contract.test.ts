/** What every UDP sender must do: one suite run by the system-call one (sendmmsg, UDP GSO) and by node:dgram's. */
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { NativeMemory } from '../../src/media/native/memory.ts'
import { hasNativeUdp } from '../../src/media/native/libc.ts'
import { MediaSocket } from '../../src/media/network/media-socket.ts'
import { SocketPath } from '../../src/media/network/socket-path.ts'
import { writeSocketAddress } from '../../src/media/network/socket-address.ts'
import { createSendCounters } from '../../src/media/network/udp-sender.ts'
import { waitFor } from '../support/wait.ts'

interface Receiver {
  readonly socket: Socket
  readonly received: Buffer[]
  readonly sources: string[]
}

const receivers: Receiver[] = []

async function openReceiver(address: string): Promise<Receiver> {
  const socket = createSocket({
    type: address.includes(':') ? 'udp6' : 'udp4',
    recvBufferSize: 4 * 1024 * 1024,
  })
  socket.bind(0, address)
  await once(socket, 'listening')
  const receiver: Receiver = { socket, received: [], sources: [] }
  socket.on('message', (message, { address: from, port }) => {
    receiver.received.push(message)
    receiver.sources.push(`${from}:${port}`)
  })
  receivers.push(receiver)
  return receiver
}

it('the machine that runs the tests has both senders', () => {
  expect(hasNativeUdp).toBe(process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch))
})

const kinds = hasNativeUdp ? (['native', 'portable'] as const) : (['portable'] as const)

describe.each(kinds)('the %s sender', (kind) => {
  describe.each(['127.0.0.1', '::1'])('over %s', (address) => {
    const counters = createSendCounters()
    const arrived: { text: string; from: string; ageMs: number }[] = []
    let socket: MediaSocket

    beforeEach(async () => {
      Object.assign(counters, createSendCounters())
      arrived.length = 0
      socket = await MediaSocket.open({
        index: 0,
        address,
        family: address === '::1' ? 6 : 4,
        port: 0,
        kind,
        counters,
        handler: {
          onDatagram(from, memory, offset, length, addresses, addressOffset, ageMs) {
            const text = Buffer.from(memory.bytes.subarray(offset, offset + length)).toString()
            arrived.push({ text, from: new SocketPath(from, addresses, addressOffset).describe(), ageMs })
          },
          onBatchEnd: () => undefined,
          onSocketError: (_socket, error) => {
            throw error
          },
        },
      })
    })
    afterEach(() => {
      socket.close()
      for (const receiver of receivers.splice(0)) receiver.socket.close()
    })

    function pathTo(receiver: Receiver): SocketPath {
      const memory = new NativeMemory(64)
      writeSocketAddress(memory.bytes, memory.view, 0, address, receiver.socket.address().port)
      return new SocketPath(socket, memory, 0)
    }

    function send(path: SocketPath, bytes: Uint8Array): void {
      const offset = socket.sender.reserve(1500)
      expect(offset).toBeGreaterThanOrEqual(0)
      socket.sender.memory.bytes.set(bytes, offset)
      socket.sender.commit(path, bytes.length)
    }

    async function expectReceived(
      receiver: Receiver,
      sizes: readonly number[],
      fill: (i: number) => Buffer,
    ): Promise<void> {
      await waitFor(
        `${sizes.length} datagrams`,
        () => receiver.received.length >= sizes.length,
        {},
        () => receiver.received.length,
      )
      expect(receiver.received.map((bytes) => bytes.length)).toEqual(sizes)
      receiver.received.forEach((bytes, i) => expect(bytes.equals(fill(i)), `datagram ${i}`).toBe(true))
    }

    it.each<[string, number[]]>([
      ['one datagram', [1200]],
      ['equal ones', Array<number>(20).fill(1200)],
      ['a frame: equal ones and a shorter last', [...Array<number>(9).fill(1188), 300]],
      ['frames behind one another', [1200, 1200, 500, 1200, 1200, 70, 1200]],
      ['rising sizes', [100, 200, 300, 301]],
      ['more than one message can have segments', Array<number>(150).fill(400)],
      ['more bytes than one message can have', Array<number>(64).fill(1400)],
      ['more than one batch', Array<number>(700).fill(900)],
      ['single bytes', [1, 1, 2, 1]],
    ])('delivers %s, each whole and in order', async (_what, sizes) => {
      const receiver = await openReceiver(address)
      const path = pathTo(receiver)
      const fill = (i: number): Buffer => Buffer.alloc(sizes[i] as number, i + 1)
      sizes.forEach((_, i) => send(path, fill(i)))
      socket.sender.flush()
      await expectReceived(receiver, sizes, fill)
      expect(new Set(receiver.sources)).toEqual(new Set([`${address}:${socket.port}`]))
      await waitFor('the counters', () => counters.sentDatagrams === sizes.length)
      expect(counters).toMatchObject({
        sentBytes: sizes.reduce((a, b) => a + b, 0),
        droppedFull: 0,
        droppedRefused: 0,
      })
    })

    it('keeps the destinations of interleaved datagrams apart', async () => {
      const all = await Promise.all(Array.from({ length: 5 }, () => openReceiver(address)))
      const paths = all.map(pathTo)
      for (let i = 0; i < 40; i++) paths.forEach((path, to) => send(path, Buffer.alloc(600, to * 40 + i)))
      socket.sender.flush()
      for (const [to, receiver] of all.entries()) {
        await expectReceived(receiver, Array<number>(40).fill(600), (i) => Buffer.alloc(600, to * 40 + i))
      }
    })

    it('sends nothing that was reserved but not committed', async () => {
      const receiver = await openReceiver(address)
      const path = pathTo(receiver)
      send(path, Buffer.from('first'))
      socket.sender.memory.bytes.fill(0xee, socket.sender.reserve(1500), 200)
      send(path, Buffer.from('second'))
      socket.sender.flush()
      await waitFor('two datagrams', () => receiver.received.length >= 2)
      expect(receiver.received.map(String)).toEqual(['first', 'second'])
      expect(socket.sender.isEmpty).toBe(true)
    })

    it('goes on after a destination that refuses', async () => {
      const [gone, receiver] = [await openReceiver(address), await openReceiver(address)]
      const pathToGone = pathTo(gone)
      const closed = once(gone.socket, 'close')
      receivers.splice(receivers.indexOf(gone), 1)
      gone.socket.close()
      await closed
      const path = pathTo(receiver)
      for (let i = 0; i < 20; i++) {
        send(pathToGone, Buffer.alloc(100, i))
        send(path, Buffer.alloc(100, i))
        socket.sender.flush()
      }
      await waitFor(
        'all datagrams',
        () => receiver.received.length >= 15,
        {},
        () => counters,
      )
    })

    it('knows how long a datagram has waited, where the kernel says so', async () => {
      const memory = new NativeMemory(64)
      writeSocketAddress(memory.bytes, memory.view, 0, address, socket.port)
      const toItself = new SocketPath(socket, memory, 0)
      for (const text of ['a', 'b', 'c']) send(toItself, Buffer.from(text))
      socket.sender.flush()
      // Nothing is received while this thread is busy.
      const sentMs = performance.now()
      while (performance.now() < sentMs + 60);
      await waitFor('all datagrams', () => arrived.length === 3)
      if (kind === 'portable') expect(arrived.map(({ ageMs }) => ageMs)).toEqual([0, 0, 0])
      for (const { ageMs } of kind === 'native' ? arrived : []) {
        expect(ageMs).toBeGreaterThan(30)
        expect(ageMs).toBeLessThan(1_000)
      }
    })

    it('receives what comes in one burst, each with its sender', async () => {
      const client = await openReceiver(address)
      for (let i = 0; i < 300; i++) client.socket.send(`datagram ${i}`, socket.port, address)
      await waitFor(
        'all datagrams',
        () => arrived.length >= 300,
        {},
        () => arrived.length,
      )
      expect(arrived.map(({ text }) => text)).toEqual(Array.from({ length: 300 }, (_, i) => `datagram ${i}`))
      const { port } = client.socket.address()
      expect(new Set(arrived.map(({ from }) => from))).toEqual(
        new Set([address === '::1' ? `[::1]:${port}` : `127.0.0.1:${port}`]),
      )
    })
  })
})
