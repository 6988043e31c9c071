/** Starts the built gateway on free loopback ports, and stops it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'

const startTimeoutMs = 10_000
const stopTimeoutMs = 10_000
const heapReport = new URL('heap-report.js', import.meta.url).href

export interface Gateway {
  readonly pid: number
  /** Without a slash at the end. */
  readonly url: string
  /** Collects the garbage of all its threads, and says what its heaps then hold without need. */
  unusedHeapBytes(): Promise<number>
  stop(): Promise<void>
}

/** `program` is the gateway's entry file. */
export async function startGateway(program: string): Promise<Gateway> {
  const url = `127.0.0.1:${await findFreeTcpPort()}`
  const child = spawn(
    process.execPath,
    [
      '--expose-gc',
      '--import',
      heapReport,
      program,
      '--http',
      url,
      '--media-port',
      String(await findFreeUdpPort()),
      '--log-level',
      'warn',
    ],
    // Its announcement is of no interest here; warnings and errors are, and those of a JSON log are on standard output too.
    { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] },
  )
  createInterface({ input: child.stdout as Readable }).on('line', (line) => {
    if (!line.includes('"event":"ready"')) console.error(line)
  })
  const heapReports = createInterface({ input: child.stdio[3] as Readable })
  const { pid } = child
  if (pid === undefined) throw new Error(`cannot start ${program}`)
  try {
    await untilHealthy(child, `http://${url}/healthz`)
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return {
    pid,
    url: `http://${url}`,
    stop: () => stop(child),
    unusedHeapBytes: async () => {
      const line = once(heapReports, 'line', { signal: AbortSignal.timeout(startTimeoutMs) })
      child.kill('SIGUSR2')
      const [text] = (await line) as [string]
      return Number(text)
    },
  }
}

async function untilHealthy(child: ChildProcess, url: string): Promise<void> {
  const deadline = performance.now() + startTimeoutMs
  while (performance.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`the gateway ended with ${child.exitCode}`)
    const isHealthy = await fetch(url).then(
      (response) => response.ok,
      () => false,
    )
    if (isHealthy) return
    await delay(50)
  }
  throw new Error(`no answer from ${url} within ${startTimeoutMs} ms`)
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) throw new Error('the gateway ended by itself')
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs)
  const [code, signal] = (await ended) as [number | null, NodeJS.Signals | null]
  clearTimeout(timer)
  if (code !== 0) console.error(`The gateway ended with ${signal ?? code} on SIGTERM.`)
}

async function findFreeTcpPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no TCP port')
  return address.port
}

async function findFreeUdpPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0)
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  await once(socket, 'close')
  return port
}
