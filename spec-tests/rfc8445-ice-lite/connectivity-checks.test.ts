/** RFC 8445 section 7.3: what a lite agent answers to connectivity checks, and where it sends from then on. */
import { describe, expect, it } from 'vitest'
import { FORMER_PATH_HOLD_MS, IceLiteAgent, MAX_PATHS } from '../../src/media/transport/ice-lite.ts'
import type { CheckResult } from '../../src/media/transport/ice-lite.ts'
import { createStunMessage, parseStun } from '../../src/media/transport/stun.ts'
import { FakeNetwork } from '../support/fake-network.ts'
import { bindingRequest, readAttributes } from '../support/stun-client.ts'
import type { BindingRequest } from '../support/stun-client.ts'

const [localUfrag, localPassword] = ['local123', 'a-password-of-24-letters']
const valid = {
  username: `${localUfrag}:peer`,
  password: localPassword,
  priority: 100,
  role: 'controlling',
} as const

function setUp() {
  const network = new FakeNetwork()
  const agent = new IceLiteAgent({ localUfrag, localPassword }, network, network, 0)
  const check = (path: string, request: BindingRequest, nowMs = 0): CheckResult => {
    const bytes = bindingRequest(request)
    const message = createStunMessage()
    expect(
      parseStun(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length, message),
    ).toBe(true)
    return agent.receiveCheck(bytes, message, network.pathOf(path), nowMs)
  }
  return { network, agent, check, selected: () => agent.selectedPath?.describe() }
}

const typeOf = (bytes: Buffer): number => bytes.readUInt16BE(0)
const errorOf = (bytes: Buffer): number => {
  const value = readAttributes(bytes).get(0x0009) as Buffer
  return value.readUInt8(2) * 100 + value.readUInt8(3)
}

describe('answers', () => {
  it('a valid check by a success response with the transaction id and the mapped address, over the same path', () => {
    const { network, check } = setUp()
    expect(check('a', valid)).toBe('valid')
    const [response, ...more] = network.take()
    expect(more).toEqual([])
    expect(response?.path).toBe('a')
    expect(typeOf(response?.bytes as Buffer)).toBe(0x0101)
    expect(
      readAttributes(response?.bytes as Buffer)
        .get(0x0020)
        ?.toString('hex'),
    ).toBe('0001a147e112a643')
  })

  it('a check without PRIORITY and role, as FFmpeg sends it', () => {
    const { check, selected } = setUp()
    expect(check('a', { username: valid.username, password: valid.password, useCandidate: true })).toBe(
      'valid',
    )
    expect(selected()).toBe('a')
  })

  it('401 to a wrong password, with no more bytes than came in and without integrity', () => {
    const { network, check, selected } = setUp()
    const request = { ...valid, password: 'wrong' }
    expect(check('a', request)).toBe('wrong-integrity')
    const [response] = network.take()
    expect(errorOf(response?.bytes as Buffer)).toBe(401)
    expect(response?.bytes.length).toBeLessThanOrEqual(bindingRequest(request).length)
    expect(readAttributes(response?.bytes as Buffer).has(0x0008)).toBe(false)
    expect(selected()).toBeUndefined()
    expect(network.retained.size).toBe(0)
  })

  it('nothing to a check that is not for this session', () => {
    const { network, check } = setUp()
    expect(check('a', { ...valid, username: 'other:peer' })).toBe('wrong-username')
    expect(check('a', { ...valid, username: localUfrag })).toBe('wrong-username')
    expect(network.sent).toEqual([])
  })

  it('487 to a peer that takes itself for the controlled one', () => {
    const { network, check } = setUp()
    expect(check('a', { ...valid, role: 'controlled' })).toBe('role-conflict')
    expect(errorOf(network.take()[0]?.bytes as Buffer)).toBe(487)
  })

  it('420 naming a comprehension-required attribute that is unknown, and ignores optional ones', () => {
    const { network, check } = setUp()
    expect(check('a', { ...valid, attributes: [{ type: 0xc057, value: Buffer.alloc(4) }] })).toBe('valid')
    network.take()
    expect(check('a', { ...valid, attributes: [{ type: 0x7777, value: Buffer.alloc(4) }] })).toBe(
      'unknown-attribute',
    )
    const [response] = network.take()
    expect(errorOf(response?.bytes as Buffer)).toBe(420)
    expect(
      readAttributes(response?.bytes as Buffer)
        .get(0x000a)
        ?.readUInt16BE(0),
    ).toBe(0x7777)
  })
})

describe('the selected path', () => {
  it('is the first valid one until another is nominated', () => {
    const { check, selected } = setUp()
    check('a', valid)
    check('b', valid)
    expect(selected()).toBe('a')
    check('b', { ...valid, useCandidate: true }, 10)
    expect(selected()).toBe('b')
  })

  it('follows a nomination to a new address: a viewer roams', () => {
    const { check, selected } = setUp()
    check('wifi', { ...valid, useCandidate: true }, 0)
    check('cell', { ...valid, priority: 50, useCandidate: true }, 2_000)
    expect(selected()).toBe('cell')
  })

  it('does not flap for a peer that nominates every pair: the higher priority stays', () => {
    const { check, selected } = setUp()
    check('high', { ...valid, priority: 200, useCandidate: true }, 0)
    check('low', { ...valid, priority: 100, useCandidate: true }, 20)
    expect(selected()).toBe('high')
    check('higher', { ...valid, priority: 300, useCandidate: true }, 40)
    expect(selected()).toBe('higher')
  })

  it('moves without a nomination where the selected one has been silent for seconds', () => {
    const { check, selected } = setUp()
    check('a', { ...valid, useCandidate: true }, 0)
    check('b', valid, 2_900)
    expect(selected()).toBe('a')
    check('b', valid, 3_100)
    expect(selected()).toBe('b')
  })
})

describe('limits', () => {
  it('keeps a bounded number of proven paths, forgets the oldest and never the selected one', () => {
    const { network, check, selected } = setUp()
    check('selected', { ...valid, useCandidate: true }, 0)
    for (let i = 0; i < 3 * MAX_PATHS; i++) expect(check(`path ${i}`, valid, 1 + i)).toBe('valid')
    expect(network.retained.size).toBe(MAX_PATHS)
    expect(network.retained.has('selected')).toBe(true)
    expect(selected()).toBe('selected')
  })

  it('goes on with what it has where the network takes no more paths', () => {
    const { network, check, selected } = setUp()
    check('a', valid)
    network.isFull = true
    expect(check('b', valid)).toBe('too-many-paths')
    expect(check('a', valid)).toBe('valid')
    expect(selected()).toBe('a')
  })

  it('releases every path at its end', () => {
    const { network, agent, check } = setUp()
    for (const path of ['a', 'b', 'c']) check(path, valid)
    agent.close()
    expect(network.retained.size).toBe(0)
    expect(agent.selectedPath).toBeUndefined()
  })
})

describe('a restart (RFC 8445 section 9)', () => {
  const next = { localUfrag: 'next5678', localPassword: 'next-password-of-24-char' }
  const validNext = { ...valid, username: `${next.localUfrag}:peer2`, password: next.localPassword }

  it('goes on with the old credentials and path until the first valid check with the new ones', () => {
    const { network, agent, check, selected } = setUp()
    check('old', { ...valid, useCandidate: true })
    agent.restart(next)
    expect(check('old', valid, 100)).toBe('valid')
    expect(check('new', { ...validNext, password: localPassword }, 200)).toBe('wrong-integrity')
    expect(check('old', { ...valid, password: next.localPassword }, 200)).toBe('wrong-integrity')
    expect(selected()).toBe('old')
    expect(check('new', validNext, 300)).toBe('restarted')
    expect(typeOf(network.take().at(-1)?.bytes as Buffer)).toBe(0x0101)
    expect(selected()).toBe('new')
    expect(check('old', valid, 400)).toBe('wrong-username')
    expect(check('new', validNext, 500)).toBe('valid')
  })

  it('listens to the old paths a while longer, for what the peer sends there until it has nominated', () => {
    const { network, agent, check } = setUp()
    check('old', { ...valid, useCandidate: true })
    agent.restart(next)
    check('new', validNext, 1_000)
    check('new', { ...validNext, useCandidate: true }, 1_000 + FORMER_PATH_HOLD_MS - 1)
    expect([...network.retained.keys()]).toEqual(['old', 'new'])
    check('new', validNext, 1_000 + FORMER_PATH_HOLD_MS)
    expect([...network.retained.keys()]).toEqual(['new'])
  })

  it('keeps an old path that the new credentials have proven too', () => {
    const { network, agent, check, selected } = setUp()
    check('a', valid)
    check('b', { ...valid, useCandidate: true })
    agent.restart(next)
    check('a', validNext, 10)
    expect(selected()).toBe('a')
    check('b', { ...validNext, useCandidate: true }, 600)
    expect(selected()).toBe('b')
    check('b', validNext, 20_000)
    expect([...network.retained.keys()]).toEqual(['a', 'b'])
  })

  it('that is asked for again before a check replaces the one that waits', () => {
    const { agent, check } = setUp()
    check('a', valid)
    agent.restart(next)
    agent.restart({ localUfrag: 'third999', localPassword: 'third-password-of-24-cha' })
    expect(check('a', validNext)).toBe('wrong-username')
    expect(check('a', valid)).toBe('valid')
    expect(check('a', { ...valid, username: 'third999:peer', password: 'third-password-of-24-cha' })).toBe(
      'restarted',
    )
  })

  it('before the first check of all takes either credentials', () => {
    const { agent, check, selected } = setUp()
    agent.restart(next)
    expect(check('a', valid)).toBe('valid')
    expect(check('b', validNext)).toBe('restarted')
    expect(selected()).toBe('b')
  })
})
