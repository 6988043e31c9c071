/** The sockets of all local addresses, which come and go while the gateway runs. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import type { LocalAddress } from '../../src/media/network/local-addresses.ts'
import { localAddresses } from '../../src/media/network/local-addresses.ts'
import { MediaSockets } from '../../src/media/network/media-sockets.ts'

const handler = { onDatagram: () => undefined, onBatchEnd: () => undefined, onSocketError: () => undefined }
const opened: MediaSockets[] = []
afterEach(() => {
  for (const sockets of opened.splice(0)) sockets.close()
})

function makeSockets(list: () => string[]): MediaSockets {
  const toAddress = (address: string): LocalAddress => ({ address, family: address.includes(':') ? 6 : 4 })
  const sockets = new MediaSockets(handler, (wanted) =>
    wanted.length > 0 ? localAddresses(wanted) : list().map(toAddress),
  )
  opened.push(sockets)
  return sockets
}

const addressesOf = (sockets: MediaSockets): string[] => sockets.addresses.map(({ address }) => address)

describe('opening', () => {
  it('binds every address to one port', async () => {
    const sockets = makeSockets(() => ['127.0.0.1', '127.0.0.2', '::1'])
    expect(await sockets.open([], 0, 'auto')).toEqual([])
    expect(addressesOf(sockets)).toEqual(['127.0.0.1', '127.0.0.2', '::1'])
    expect(new Set(sockets.addresses.map(({ port }) => port)).size).toBe(1)
  })

  it('goes on without an address that is not there, and says so', async () => {
    const sockets = makeSockets(() => ['127.0.0.1', '198.51.100.1'])
    const skipped = await sockets.open([], 0, 'auto')
    expect(skipped.map(({ address }) => address)).toEqual(['198.51.100.1'])
    expect(addressesOf(sockets)).toEqual(['127.0.0.1'])
  })

  it('fails where a wanted address is not there, naming it', async () => {
    await expect(makeSockets(() => []).open(['198.51.100.1'], 0, 'auto')).rejects.toThrow(/198\.51\.100\.1/)
  })

  it.each(['native', 'portable'] as const)(
    'fails with EADDRINUSE where the port is taken (%s)',
    async (kind) => {
      const holder = createSocket('udp4')
      holder.bind(0, '127.0.0.1')
      await once(holder, 'listening')
      const opening = makeSockets(() => ['127.0.0.1']).open([], holder.address().port, kind)
      await expect(opening).rejects.toMatchObject({ code: 'EADDRINUSE' })
      holder.close()
    },
  )
})

describe('an address that comes later', () => {
  it('is bound to the same port and offered', async () => {
    const list = ['127.0.0.1']
    const sockets = makeSockets(() => list)
    await sockets.open([], 0, 'auto')
    expect(await sockets.refresh()).toBe(false)
    list.push('127.0.0.3')
    expect(await sockets.refresh()).toBe(true)
    expect(addressesOf(sockets)).toEqual(['127.0.0.1', '127.0.0.3'])
    expect(sockets.addresses[1]?.port).toBe(sockets.addresses[0]?.port)
  })

  it('is tried again while it cannot be bound', async () => {
    const list = ['127.0.0.1', '198.51.100.1']
    const sockets = makeSockets(() => list)
    await sockets.open([], 0, 'auto')
    expect(await sockets.refresh()).toBe(false)
    expect(addressesOf(sockets)).toEqual(['127.0.0.1'])
  })

  it('is not offered any more when it has gone, and again when it is back', async () => {
    let list = ['127.0.0.1', '127.0.0.4']
    const sockets = makeSockets(() => list)
    await sockets.open([], 0, 'auto')
    list = ['127.0.0.1']
    expect(await sockets.refresh()).toBe(true)
    expect(addressesOf(sockets)).toEqual(['127.0.0.1'])
    list = ['127.0.0.1', '127.0.0.4']
    expect(await sockets.refresh()).toBe(true)
    expect(addressesOf(sockets)).toEqual(['127.0.0.1', '127.0.0.4'])
  })

  it('is not bound where the addresses were chosen', async () => {
    const sockets = makeSockets(() => ['127.0.0.1', '127.0.0.5'])
    await sockets.open(['127.0.0.1'], 0, 'auto')
    expect(await sockets.refresh()).toBe(false)
    expect(addressesOf(sockets)).toEqual(['127.0.0.1'])
  })
})
