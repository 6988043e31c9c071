/** Native code is given addresses: with the collector running between any two steps, none of them may go stale. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { NativeMemory, NativeMemoryPool } from '../../src/media/native/memory.ts'
import { liveObjects } from '../../src/media/native/openssl.ts'
import { PeerPair, createIdentity } from '../support/remote-peer.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Leaves garbage of all sizes, so that whatever was freed too early is written over. */
function churn(): void {
  for (let size = 1; size <= 65_536; size *= 2) new Uint8Array(size).fill(0xa5)
  collect()
}

it('sessions connect, carry media and end while garbage is collected at every step', async () => {
  const gateway = await createIdentity()
  const remote = await createIdentity()
  churn()
  for (let round = 0; round < 15; round++) {
    const pair = new PeerPair({ gateway, remote, gatewayRole: round % 2 === 0 ? 'server' : 'client' })
    churn()
    pair.check()
    churn()
    pair.exchange()
    churn()
    expect(pair.connected).toBeDefined()
    for (let i = 0; i < 5; i++) {
      pair.sendRtp(`packet ${i}`, i)
      churn()
      const report = Buffer.from('80c90001000000ff', 'hex')
      pair.peer.sendRtcp(report, report.length)
      churn()
      pair.exchange()
    }
    expect(pair.rtp.map(({ payload }) => payload)).toEqual([0, 1, 2, 3, 4].map((i) => `packet ${i}`))
    expect(pair.remoteRtcp).toHaveLength(5)
    pair.free()
    churn()
  }
  expect(liveObjects).toEqual({ ciphers: 0, connections: 0 })
})

it('a block stays where it is and keeps what was written, whatever its size', () => {
  const blocks = [1, 8, 63, 64, 65, 256, 2048, 1 << 20].map((size) => new NativeMemory(size))
  const addresses = blocks.map((block) => block.address)
  blocks.forEach((block, i) => block.bytes.fill(i + 1))
  for (let i = 0; i < 10; i++) churn()
  blocks.forEach((block, i) => {
    expect(block.address).toBe(addresses[i])
    expect(block.bytes.every((byte) => byte === i + 1)).toBe(true)
  })
})

it('the pool is bounded, reuses blocks, and refuses what is not its own', () => {
  const pool = new NativeMemoryPool(4096)
  const first = pool.allocate(2048)
  const second = pool.allocate(2048)
  expect(() => pool.allocate(1)).toThrow(/limited to 4096 bytes/)
  pool.free(first)
  expect(pool.allocate(2048)).toBe(first)
  pool.free(second)
  expect(() => pool.free(second)).toThrow(/twice/)
  expect(() => pool.free(new NativeMemory(2048))).toThrow()
  pool.free(first)
  expect(pool.usedBytes).toBe(0)
})
