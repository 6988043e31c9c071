/** A path whose MTU is below the segments, or a device that cannot segment: the kernel refuses the message, not the datagrams. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { expect, it, vi } from 'vitest'
import type * as Libc from '../../src/media/native/libc.ts'
import { NativeMemory } from '../../src/media/native/memory.ts'
import { NativeSender } from '../../src/media/native/udp-sender.ts'
import { openUdpSocket } from '../../src/media/native/udp-socket.ts'
import { writeSocketAddress } from '../../src/media/network/socket-address.ts'
import { createSendCounters } from '../../src/media/network/udp-sender.ts'
import { waitFor } from '../support/wait.ts'

const refusal = vi.hoisted(() => ({ errno: 0, calls: 0 }))
const CONTROL_LENGTH_OFFSET = 40

vi.mock('../../src/media/native/libc.ts', async (importOriginal) => {
  const libc = await importOriginal<typeof Libc>()
  const koffi = (await import('koffi')).default
  return {
    ...libc,
    errno: () => (refusal.errno === 0 ? libc.errno() : refusal.errno),
    /** Refuses every batch whose first message asks for segmentation. */
    sendmmsg: (fd: number, messages: number, count: number, flags: number) => {
      refusal.calls++
      const isSegmented = Number(koffi.decode(messages + CONTROL_LENGTH_OFFSET, 'uint64_t')) > 0
      return isSegmented && refusal.errno !== 0
        ? -1
        : libc.sendmmsg(fd, messages, 1, flags) * Math.min(count, 1)
    },
  }
})

it.each([
  ['EINVAL', 22],
  ['EIO', 5],
])('after %s the segments are sent one by one, and all arrive', async (_name, errno) => {
  const receiver = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 })
  receiver.bind(0, '127.0.0.1')
  await once(receiver, 'listening')
  const received: string[] = []
  receiver.on('message', (message) => received.push(`${message.length}:${message[0]}`))

  const address = new NativeMemory(64)
  const length = writeSocketAddress(address.bytes, address.view, 0, '127.0.0.1', 0)
  const { fd } = openUdpSocket(address.bytes.slice(0, length), 4)
  const holder = createSocket('udp4').bind({ fd }) // closes the descriptor at the end
  writeSocketAddress(address.bytes, address.view, 0, '127.0.0.1', receiver.address().port)
  const counters = createSendCounters()
  const sender = new NativeSender(fd, counters)

  const sizes = [1000, 1000, 1000, 400, 700, 700]
  refusal.errno = errno
  sizes.forEach((size, i) => {
    const offset = sender.reserve(1500)
    sender.memory.bytes.fill(i, offset, offset + size)
    sender.commit({ memory: address, offset: 0, length }, size)
  })
  sender.flush()
  refusal.errno = 0
  await waitFor(
    'all datagrams',
    () => received.length === sizes.length,
    {},
    () => received,
  )
  expect(received).toEqual(sizes.map((size, i) => `${size}:${i}`))
  expect(counters).toMatchObject({ sentDatagrams: sizes.length, droppedRefused: 0, droppedFull: 0 })
  holder.close()
  receiver.close()
})
