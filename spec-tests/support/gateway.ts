/** Runs the built gateway (`dist/main.js`) in a process of its own, on ports that the system chooses. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const mainFile = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

/** A start takes well under a second; two busy cores make it longer. */
const START_TIMEOUT_MS = 20_000
const STOP_TIMEOUT_MS = 15_000

export interface GatewayOptions {
  /** Further flags; `--http 127.0.0.1:0` is given unless they hold one. */
  readonly args?: readonly string[]
  /** Further environment variables. */
  readonly env?: Readonly<Record<string, string>>
  /** Flags of node itself, such as `--expose-gc`. */
  readonly nodeArgs?: readonly string[]
}

export interface Gateway {
  readonly pid: number
  /** Such as 'http://127.0.0.1:40123', without a slash at the end. */
  readonly httpUrl: string
  readonly httpPort: number
  /** The UDP port of all sessions. */
  readonly mediaPort: number
  whipUrl(stream: string): string
  whepUrl(stream: string): string
  stdout(): string
  stderr(): string
  /** The JSON lines logged so far. */
  log(): readonly Readonly<Record<string, unknown>>[]
  /** Sends SIGTERM (or another signal) and resolves with the exit code; -1 if a signal ended it. */
  stop(signal?: NodeJS.Signals): Promise<number>
  /** Resolves with the exit code when the process ends by itself. */
  readonly exited: Promise<number>
}

export interface GatewayRun {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Starts the gateway and waits until it listens. */
export async function startGateway(options: GatewayOptions = {}): Promise<Gateway> {
  const args = [...(options.args ?? [])]
  if (!args.some((argument) => argument === '--http' || argument.startsWith('--http=')))
    args.push('--http', '127.0.0.1:0')
  const child = launch(args, options)
  const ready = await child.until((line) => line['event'] === 'ready', START_TIMEOUT_MS)
  const httpUrl = String(ready['httpUrl'])
  return {
    pid: child.pid,
    httpUrl,
    httpPort: Number(new URL(httpUrl).port),
    mediaPort: Number(ready['mediaPort']),
    whipUrl: (stream) => `${httpUrl}/whip/${stream}`,
    whepUrl: (stream) => `${httpUrl}/whep/${stream}`,
    stdout: child.stdout,
    stderr: child.stderr,
    log: child.lines,
    exited: child.exited,
    stop: (signal = 'SIGTERM') => child.stop(signal),
  }
}

/** Runs the command to its end, for `--help`, wrong flags and the like. */
export async function runGateway(options: GatewayOptions = {}): Promise<GatewayRun> {
  const child = launch(options.args ?? [], options)
  const timer = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS)
  const exitCode = await child.exited
  clearTimeout(timer)
  return { exitCode, stdout: child.stdout(), stderr: child.stderr() }
}

function launch(args: readonly string[], { env = {}, nodeArgs = [] }: GatewayOptions) {
  // Settings of the developer's own shell must not leak into a test.
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('WHIPWAY_'))
  const child = spawn(process.execPath, [...nodeArgs, mainFile, ...args], {
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  const watchers = new Set<() => void>()
  const notify = () => watchers.forEach((watcher) => watcher())
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    notify()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const exited = new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? -1))
  })
  // A test that fails or is interrupted must not leave a gateway behind.
  const killAtExit = () => child.kill('SIGKILL')
  process.once('exit', killAtExit)
  void exited.finally(() => process.off('exit', killAtExit))

  const lines = () =>
    stdout
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .flatMap((line): Record<string, unknown>[] => {
        try {
          return [JSON.parse(line) as Record<string, unknown>]
        } catch {
          return [] // the last line may be half written
        }
      })

  const until = (wanted: (line: Record<string, unknown>) => boolean, timeoutMs: number) =>
    new Promise<Record<string, unknown>>((resolve, reject) => {
      const finish = (settle: () => void) => {
        clearTimeout(timer)
        watchers.delete(look)
        settle()
      }
      const fail = (reason: string) =>
        finish(() => reject(new Error(`the gateway ${reason}\nstdout: ${stdout}\nstderr: ${stderr}`)))
      const look = () => {
        const line = lines().find(wanted)
        if (line !== undefined) finish(() => resolve(line))
      }
      const timer = setTimeout(() => {
        child.kill('SIGKILL')
        fail(`was not ready within ${timeoutMs} ms`)
      }, timeoutMs)
      watchers.add(look)
      void exited.then(
        (code) => fail(`ended with code ${code} before it was ready`),
        (error: unknown) => fail(`could not be started: ${String(error)}`),
      )
    })

  return {
    pid: child.pid ?? -1,
    stdout: () => stdout,
    stderr: () => stderr,
    lines,
    exited,
    until,
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    async stop(signal: NodeJS.Signals) {
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
      child.kill(signal)
      const code = await exited
      clearTimeout(timer)
      return code
    },
  }
}
