/** A UDP relay between clients and the gateway that is as bad a link as a test wants it to be. */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createRandom } from './random.ts'
import { decideFate, perfectLink, type Impairment } from './udp-impairment.ts'

export interface UdpRelayOptions {
  /** Randomness of both directions. */
  readonly seed: number
  readonly toGateway?: Impairment
  readonly toClient?: Impairment
}

export interface LinkCounters {
  received: number
  forwarded: number
  lost: number
  reordered: number
  duplicated: number
  /** Swallowed while the link was dark. */
  blackedOut: number
}

export interface UdpRelay {
  readonly toGateway: LinkCounters
  readonly toClient: LinkCounters
  /** Points the answer's candidates at the relay, and remembers the gateway's own address from it. */
  readonly rewriteAnswer: (answer: string) => string
  /** From now on the links are these. */
  impair(links: { toGateway?: Impairment; toClient?: Impairment }): void
  /** While dark, nothing gets through in either direction. */
  setDark(dark: boolean): void
  stop(): void
}

/** Listens on loopback. Each client gets a socket of its own towards the gateway, so that the gateway can tell them apart. */
export async function startUdpRelay({ seed, ...links }: UdpRelayOptions): Promise<UdpRelay> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const upstreams = new Map<string, Socket>()
  const timers = new Set<NodeJS.Timeout>()
  const directions = {
    toGateway: {
      impairment: links.toGateway ?? perfectLink,
      random: createRandom(seed),
      counters: newCounters(),
    },
    toClient: {
      impairment: links.toClient ?? perfectLink,
      random: createRandom(~seed),
      counters: newCounters(),
    },
  }
  let gateway: { address: string; port: number } | undefined
  let dark = false
  let stopped = false

  const pass = (name: keyof typeof directions, datagram: Buffer, send: () => void) => {
    const { impairment, random, counters } = directions[name]
    counters.received++
    if (dark) return void counters.blackedOut++
    const { copiesAfterMs, reordered } = decideFate(datagram, impairment, random)
    if (copiesAfterMs.length === 0) counters.lost++
    if (copiesAfterMs.length > 1) counters.duplicated++
    if (reordered) counters.reordered++
    for (const afterMs of copiesAfterMs) {
      counters.forwarded++
      if (afterMs === 0) {
        send()
        continue
      }
      const timer = setTimeout(() => {
        timers.delete(timer)
        send()
      }, afterMs)
      timers.add(timer)
    }
  }

  socket.on('message', (datagram, client) => {
    if (gateway === undefined) return
    const { address, port } = gateway
    const key = `${client.address}:${client.port}`
    let upstream = upstreams.get(key)
    if (upstream === undefined) {
      upstream = createSocket('udp4')
      upstream.on('error', () => undefined)
      upstream.on('message', (reply) => {
        pass('toClient', reply, () => {
          if (!stopped) socket.send(reply, client.port, client.address)
        })
      })
      upstreams.set(key, upstream)
    }
    const link = upstream
    pass('toGateway', datagram, () => {
      if (!stopped) link.send(datagram, port, address)
    })
  })

  return {
    toGateway: directions.toGateway.counters,
    toClient: directions.toClient.counters,
    rewriteAnswer(answer) {
      gateway = firstIpv4Candidate(answer)
      return redirectCandidates(answer, '127.0.0.1', socket.address().port)
    },
    impair({ toGateway, toClient }) {
      if (toGateway !== undefined) directions.toGateway.impairment = toGateway
      if (toClient !== undefined) directions.toClient.impairment = toClient
    },
    setDark(value) {
      dark = value
    },
    stop() {
      stopped = true
      for (const timer of timers) clearTimeout(timer)
      for (const upstream of upstreams.values()) upstream.close()
      socket.close()
    },
  }
}

function newCounters(): LinkCounters {
  return { received: 0, forwarded: 0, lost: 0, reordered: 0, duplicated: 0, blackedOut: 0 }
}

/** `a=candidate:` foundation component transport priority address port (RFC 8839 section 5.1). */
const candidatePattern = /^a=candidate:(\S+) (\d+) (udp) (\d+) (\S+) (\d+) (.*)$/gim

function firstIpv4Candidate(answer: string): { address: string; port: number } {
  for (const [, , , , , address = '', port] of answer.matchAll(candidatePattern)) {
    if (/^\d+\.\d+\.\d+\.\d+$/.test(address)) return { address, port: Number(port) }
  }
  throw new Error(`the answer has no IPv4 candidate:\n${answer}`)
}

/** Leaves one candidate, the relay's, in each m-section that had some; the ports of the m-lines are only hints. */
function redirectCandidates(answer: string, address: string, port: number): string {
  const sections = answer.split(/^(?=m=)/m)
  return sections
    .map((section) => {
      let kept = false
      return section
        .split('\r\n')
        .flatMap((line) => {
          if (!line.startsWith('a=candidate:')) return [line]
          if (kept) return []
          kept = true
          return [`a=candidate:1 1 udp 2130706431 ${address} ${port} typ host`]
        })
        .join('\r\n')
    })
    .join('')
}
