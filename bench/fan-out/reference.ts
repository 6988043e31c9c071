/** Compiles and runs the C reference on the packets of the bench's own stream. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { StreamSettings } from './messages.ts'
import { SyntheticStream } from './stream.ts'

/** In microseconds per packet that arrived. */
export interface ReferenceResult {
  readonly sending: string
  readonly deliveredShare: number
  readonly cpuUs: number
  /** Inside sendmmsg. */
  readonly systemUs: number
  readonly encryptionUs: number
}

interface ReferenceLine {
  readonly sending: string
  readonly packets: number
  readonly received: number
  readonly cpuNs: number
  readonly systemNs: number
  readonly encryptionNsPerPacket: number
}

// The compiled bench lies in dist-bench/fan-out, the C file stays where it is.
const source = fileURLToPath(new URL('../../bench/fan-out/reference.c', import.meta.url))

/** Results by way of sending; or, as words, why it cannot be measured here. */
export async function measureReference(
  destinations: number,
  seconds: number,
  settings: StreamSettings,
): Promise<readonly ReferenceResult[] | string> {
  const directory = await mkdtemp(join(tmpdir(), 'whipway-reference-'))
  try {
    const program = join(directory, 'reference')
    await run('cc', ['-O2', '-o', program, source, '-ldl'])
    const args = [String(destinations), String(seconds), String(settings.framesPerSecond)]
    const output = await run(program, args, describeFrames(settings))
    return output.trim().split('\n').map(toResult)
  } catch (error) {
    return `not measured (${error instanceof Error ? error.message.trim() : String(error)})`
  } finally {
    await rm(directory, { recursive: true })
  }
}

function toResult(line: string): ReferenceResult {
  const result = JSON.parse(line) as ReferenceLine
  return {
    sending: result.sending,
    deliveredShare: result.received / result.packets,
    cpuUs: result.cpuNs / 1000 / result.received,
    systemUs: result.systemNs / 1000 / result.received,
    encryptionUs: result.encryptionNsPerPacket / 1000,
  }
}

/** A line per frame of one keyframe interval, with its packets' sizes. */
function describeFrames(settings: StreamSettings): string {
  const stream = new SyntheticStream(settings, 0, 0)
  const lines: string[] = []
  for (let frame = 0; frame < settings.keyframeIntervalFrames; frame++) {
    const sizes: number[] = []
    stream.nextFrame((packet) => sizes.push(packet.length))
    lines.push(sizes.join(' '))
  }
  return `${lines.join('\n')}\n`
}

function run(program: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { timeout: 120_000 }, (error, stdout, stderr) => {
      if (error) reject(new Error(stderr || error.message))
      else resolve(stdout)
    })
    child.stdin?.end(input)
  })
}
