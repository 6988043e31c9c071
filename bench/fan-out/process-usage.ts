/** What Linux says about another process: CPU time by thread, memory, and the host's UDP counters (proc(5)). */
import { readdirSync, readFileSync } from 'node:fs'

export interface ThreadUsage {
  readonly id: number
  /** Exact, from the scheduler. */
  readonly cpuMs: number
}

export interface ProcessUsage {
  readonly atMs: number
  readonly threads: readonly ThreadUsage[]
  /** Exact, all threads that still exist. */
  readonly cpuMs: number
  /** Sampled by ticks: only the share of one in both is meaningful. */
  readonly userTicks: number
  readonly systemTicks: number
}

export function readUsage(pid: number): ProcessUsage {
  const threads = readdirSync(`/proc/${pid}/task`).map((id) =>
    readThread(`/proc/${pid}/task/${id}`, Number(id)),
  )
  const fields = readStatFields(`/proc/${pid}/stat`)
  return {
    atMs: performance.now(),
    threads,
    cpuMs: threads.reduce((sum, thread) => sum + thread.cpuMs, 0),
    userTicks: Number(fields[11]),
    systemTicks: Number(fields[12]),
  }
}

export interface UsageBetween {
  readonly wallMs: number
  readonly cpuMs: number
  readonly userMs: number
  readonly systemMs: number
  /** The thread that has the process's id: JavaScript's main thread. */
  readonly mainThreadMs: number
  /** The busiest of the other threads: the media thread under load. */
  readonly mediaThreadMs: number
  /** V8's helpers: garbage collection and compilation. */
  readonly otherThreadsMs: number
}

export function usageBetween(pid: number, before: ProcessUsage, after: ProcessUsage): UsageBetween {
  const threadsMs = after.threads.map((thread) => {
    const earlier = before.threads.find(({ id }) => id === thread.id)?.cpuMs ?? 0
    return { id: thread.id, cpuMs: thread.cpuMs - earlier }
  })
  const cpuMs = after.cpuMs - before.cpuMs
  const userTicks = after.userTicks - before.userTicks
  const systemTicks = after.systemTicks - before.systemTicks
  const userShare = userTicks / Math.max(1, userTicks + systemTicks)
  const others = threadsMs.filter(({ id }) => id !== pid)
  const mainThreadMs = threadsMs.find(({ id }) => id === pid)?.cpuMs ?? 0
  const mediaThreadMs = Math.max(0, ...others.map((thread) => thread.cpuMs))
  return {
    wallMs: after.atMs - before.atMs,
    cpuMs,
    userMs: cpuMs * userShare,
    systemMs: cpuMs * (1 - userShare),
    mainThreadMs,
    mediaThreadMs,
    otherThreadsMs: cpuMs - mainThreadMs - mediaThreadMs,
  }
}

/** Proportional set size: resident pages, those that are shared with other processes in part. */
export function readPssKiB(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1])
}

/** Datagrams of the whole host that found a full receive buffer or send buffer. */
export function readUdpBufferErrors(): { receive: number; send: number } {
  const lines = readFileSync('/proc/net/snmp', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('Udp:'))
  const [names = [], values = []] = lines.map((line) => line.split(' '))
  const value = (name: string) => Number(values[names.indexOf(name)] ?? 0)
  return { receive: value('RcvbufErrors'), send: value('SndbufErrors') }
}

function readThread(path: string, id: number): ThreadUsage {
  const [runNs] = readFileSync(`${path}/schedstat`, 'utf8').split(' ')
  return { id, cpuMs: Number(runNs) / 1e6 }
}

/** Fields from the third on: the second, the command's name, may hold spaces. */
function readStatFields(path: string): string[] {
  const text = readFileSync(path, 'utf8')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}
