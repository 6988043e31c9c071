/** Medians over runs, and the report as text. */
import type { JoinTimes } from './messages.ts'
import type { UsageBetween } from './process-usage.ts'
import type { ReferenceResult } from './reference.ts'

/** One run with one number of viewers. */
export interface Run {
  readonly viewers: number
  readonly expectedPackets: number
  readonly receivedPackets: number
  readonly duplicates: number
  readonly usage: UsageBetween
  readonly joins: readonly JoinTimes[]
  readonly joinFailures: readonly string[]
  readonly delaysMs: readonly number[]
  readonly kibibytesPerViewer: number
  readonly pssKiB: number
  readonly udpReceiveBufferErrors: number
  readonly udpSendBufferErrors: number
}

/** `values` need not be sorted; NaN where there are none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
}

const median = (values: readonly number[]) => {
  const sorted = Float64Array.from(values).sort()
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2
}

const isNumber = (value: number | undefined): value is number => value !== undefined
const usPerPacket = (run: Run, ms: number) => (ms * 1000) / run.receivedPackets

/** Name and value of each line, from the runs with the same number of viewers. */
const lines: readonly (readonly [name: string, value: (run: Run) => number, digits: number])[] = [
  ['delivered, %', (run) => (100 * run.receivedPackets) / run.expectedPackets, 3],
  ['duplicates', (run) => run.duplicates, 0],
  ['packets/s forwarded', (run) => (run.receivedPackets * 1000) / run.usage.wallMs, 0],
  ['CPU of one core, %', (run) => (100 * run.usage.cpuMs) / run.usage.wallMs, 1],
  ['CPU per forwarded packet, us', (run) => usPerPacket(run, run.usage.cpuMs), 2],
  ['  user', (run) => usPerPacket(run, run.usage.userMs), 2],
  ['  system', (run) => usPerPacket(run, run.usage.systemMs), 2],
  ['  media thread', (run) => usPerPacket(run, run.usage.mediaThreadMs), 2],
  ['  main thread', (run) => usPerPacket(run, run.usage.mainThreadMs), 2],
  ['  other threads', (run) => usPerPacket(run, run.usage.otherThreadsMs), 2],
  ['delay median, ms', (run) => percentile(run.delaysMs, 0.5), 2],
  ['delay p99, ms', (run) => percentile(run.delaysMs, 0.99), 2],
  ['POST to 201, ms', (run) => median(run.joins.map((join) => join.answeredMs)), 1],
  [
    'POST to 201 p99, ms',
    (run) =>
      percentile(
        run.joins.map((join) => join.answeredMs),
        0.99,
      ),
    1,
  ],
  ['POST to connected, ms', (run) => median(run.joins.map((join) => join.connectedMs)), 0],
  [
    'POST to first packet, ms',
    (run) => median(run.joins.map((join) => join.firstPacketMs).filter(isNumber)),
    0,
  ],
  [
    'POST to first keyframe, ms',
    (run) => median(run.joins.map((join) => join.firstKeyframeMs).filter(isNumber)),
    0,
  ],
  ['memory per viewer, KiB', (run) => run.kibibytesPerViewer, 0],
  ['memory of the process (PSS), MiB', (run) => run.pssKiB / 1024, 0],
  ['joins that failed', (run) => run.joinFailures.length, 0],
  ['datagrams lost to full receive buffers', (run) => run.udpReceiveBufferErrors, 0],
  ['datagrams lost to full send buffers', (run) => run.udpSendBufferErrors, 0],
]

/** Median, and the range where runs differ. */
function describe(values: readonly number[], digits: number): string {
  const low = Math.min(...values).toFixed(digits)
  const high = Math.max(...values).toFixed(digits)
  const middle = median(values).toFixed(digits)
  return low === high ? middle : `${middle} (${low} to ${high})`
}

export function describeRuns(runs: readonly Run[]): string {
  return lines
    .map(([name, value, digits]) => `${name.padEnd(42)}${describe(runs.map(value), digits)}`)
    .join('\n')
}

export function describeReference(
  results: readonly (readonly ReferenceResult[])[],
  runs: readonly Run[],
): string {
  const gatewayUs = median(runs.map((run) => usPerPacket(run, run.usage.cpuMs)))
  const ways = [...new Set(results.flat().map((result) => result.sending))]
  return ways
    .map((way) => {
      const same = results.flat().filter((result) => result.sending === way)
      const cpuUs = median(same.map((result) => result.cpuUs))
      return [
        `C reference, ${way}`,
        `  delivered, %${' '.repeat(28)}${describe(
          same.map((result) => 100 * result.deliveredShare),
          3,
        )}`,
        `  CPU per packet, us${' '.repeat(22)}${describe(
          same.map((result) => result.cpuUs),
          2,
        )}`,
        `    in sendmmsg${' '.repeat(27)}${describe(
          same.map((result) => result.systemUs),
          2,
        )}`,
        `    encryption alone${' '.repeat(22)}${describe(
          same.map((result) => result.encryptionUs),
          2,
        )}`,
        `  gateway / reference${' '.repeat(21)}${(gatewayUs / cpuUs).toFixed(2)}`,
      ].join('\n')
    })
    .join('\n')
}
