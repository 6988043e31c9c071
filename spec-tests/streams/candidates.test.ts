/** RFC 8445 section 5.1.1: which host candidates are offered, and in which order. */
import { expect, test } from 'vitest'
import type { ListeningAddress } from '../../src/media/contract.ts'
import { hostCandidates, MAX_CANDIDATES } from '../../src/streams/candidates.ts'

const bound = (address: string, port = 8080): ListeningAddress => ({
  address,
  family: address.includes(':') ? 6 : 4,
  port,
})
const addresses = (candidates: readonly ListeningAddress[]) => candidates.map(({ address }) => address)

const machine = [
  '127.0.0.1',
  '192.168.1.5',
  '203.0.113.9',
  '::1',
  'fe80::1',
  '2001:db8::5',
  'fd00::5',
  '169.254.3.4',
]

test.each<[string, string[], string[], string[]]>([
  [
    'IPv4 before IPv6, global before private, loopback last, nothing link-local',
    machine,
    [],
    ['203.0.113.9', '192.168.1.5', '2001:db8::5', 'fd00::5', '127.0.0.1', '::1'],
  ],
  [
    'a wildcard stands for the addresses of its family',
    ['0.0.0.0'],
    [],
    ['203.0.113.9', '192.168.1.5', '127.0.0.1'],
  ],
  ['loopback when it is all there is', ['127.0.0.1'], [], ['127.0.0.1']],
  [
    'public addresses first, in the given order, then the local ones',
    ['172.17.0.2'],
    ['2001:db8::9', '198.51.100.1'],
    ['2001:db8::9', '198.51.100.1', '172.17.0.2'],
  ],
  ['no address twice', ['192.168.1.5', '203.0.113.9'], ['192.168.1.5'], ['192.168.1.5', '203.0.113.9']],
  [
    'addresses of one rank stay in the order of the machine',
    ['10.0.0.3', '100.64.0.1', '172.16.0.1', '192.168.0.1'],
    [],
    ['10.0.0.3', '100.64.0.1', '172.16.0.1', '192.168.0.1'],
  ],
  ['172.32.0.1 is not private', ['172.31.0.1', '172.32.0.1'], [], ['172.32.0.1', '172.31.0.1']],
])('%s', (_, listening, publicAddresses, expected) => {
  expect(
    addresses(
      hostCandidates(
        listening.map((address) => bound(address)),
        publicAddresses,
        machine,
      ),
    ),
  ).toEqual(expected)
})

test('a public address has the port of the socket of its family', () => {
  const candidates = hostCandidates(
    [bound('0.0.0.0', 8080), bound('::', 8081)],
    ['198.51.100.1', '2001:db8::9'],
    [],
  )
  expect(candidates).toEqual([
    { address: '198.51.100.1', family: 4, port: 8080 },
    { address: '2001:db8::9', family: 6, port: 8081 },
  ])
})

test('a host with very many addresses offers the best of them', () => {
  const many = Array.from({ length: 100 }, (_, index) => `10.0.${index}.1`)
  const candidates = hostCandidates(
    [...many, '203.0.113.9'].map((address) => bound(address)),
    [],
    [],
  )
  expect(candidates).toHaveLength(MAX_CANDIDATES)
  expect(candidates[0]?.address).toBe('203.0.113.9')
})
