/** A batch that is larger than the kernel's send buffer: wait while it drains, drop when it does not. */
import { createSocket } from 'node:dgram'
import { beforeEach, expect, it, vi } from 'vitest'
import type * as Libc from '../../src/media/native/libc.ts'
import { NativeMemory } from '../../src/media/native/memory.ts'
import { NativeSender } from '../../src/media/native/udp-sender.ts'
import { openUdpSocket } from '../../src/media/native/udp-socket.ts'
import { writeSocketAddress } from '../../src/media/network/socket-address.ts'
import { createSendCounters } from '../../src/media/network/udp-sender.ts'

const EAGAIN = 11
/** The kernel as the tests want it: room for so many messages, which comes back while somebody polls. */
const kernel = vi.hoisted(() => ({ room: 0, roomAfterPoll: 0, taken: 0, polls: 0 }))

vi.mock('../../src/media/native/libc.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof Libc>()),
  errno: () => EAGAIN,
  sendmmsg: (_fd: number, _messages: number, count: number) => {
    const taken = Math.min(count, kernel.room)
    kernel.room -= taken
    kernel.taken += taken
    return taken === 0 ? -1 : taken
  },
  poll: () => {
    kernel.polls++
    kernel.room = kernel.roomAfterPoll
    return kernel.room > 0 ? 1 : 0
  },
}))

beforeEach(() => {
  Object.assign(kernel, { room: 0, roomAfterPoll: 0, taken: 0, polls: 0 })
})

/** Queues datagrams of rising sizes, which cannot be merged, and sends them. */
function sendBatch(datagrams: number) {
  const address = new NativeMemory(64)
  const length = writeSocketAddress(address.bytes, address.view, 0, '127.0.0.1', 0)
  const { fd } = openUdpSocket(address.bytes.slice(0, length), 4)
  const holder = createSocket('udp4').bind({ fd }) // closes the descriptor at the end
  const counters = createSendCounters()
  const sender = new NativeSender(fd, counters)
  for (let i = 0; i < datagrams; i++) {
    sender.reserve(1500)
    sender.commit({ memory: address, offset: 0, length }, 100 + i)
  }
  sender.flush()
  holder.close()
  expect(sender.isEmpty).toBe(true)
  return counters
}

it('waits again and again while the buffer drains, and loses nothing', () => {
  Object.assign(kernel, { room: 10, roomAfterPoll: 10 })
  expect(sendBatch(200)).toMatchObject({ sentDatagrams: 200, droppedFull: 0 })
  expect(kernel).toMatchObject({ taken: 200, polls: 19 })
})

it('drops the rest, counted, once the kernel takes nothing for a while', () => {
  kernel.room = 30
  expect(sendBatch(200)).toMatchObject({ sentDatagrams: 30, droppedFull: 170 })
  expect(kernel.polls).toBe(1)
})

it('does not hold up the thread for ever behind a buffer that drains too slowly', () => {
  kernel.roomAfterPoll = 1
  const { sentDatagrams, droppedFull } = sendBatch(200)
  expect(sentDatagrams).toBe(64)
  expect(droppedFull).toBe(136)
})
