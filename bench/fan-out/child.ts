/** A child process of the bench that answers one command at a time over IPC. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export class Child<Command extends object, Event extends { readonly type: string }> {
  readonly #process: ChildProcess
  readonly #name: string

  /** `module` is a file name beside this one. */
  constructor(module: string) {
    this.#name = module
    this.#process = fork(fileURLToPath(new URL(module, import.meta.url)), { serialization: 'advanced' })
  }

  /** Sends a command and waits for the event of the wanted type; fails on any other, and when the process ends first. */
  async ask<Type extends Event['type']>(
    command: Command,
    type: Type,
  ): Promise<Extract<Event, { readonly type: Type }>> {
    const abort = new AbortController()
    const answer = once(this.#process, 'message', { signal: abort.signal }) as Promise<[Event]>
    const end = once(this.#process, 'exit', { signal: abort.signal })
    this.#process.send(command)
    const [event] = await Promise.race([
      answer,
      end.then(([code]) => Promise.reject(new Error(`${this.#name} ended with ${String(code)}`))),
    ]).finally(() => {
      abort.abort()
      answer.catch(() => undefined)
      end.catch(() => undefined)
    })
    if (!isOfType(event, type)) throw new Error(`${this.#name}: ${JSON.stringify(event)}`)
    return event
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const ended = once(this.#process, 'exit')
    this.#process.disconnect()
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), 3000)
    await ended
    clearTimeout(timer)
  }
}

function isOfType<Event extends { readonly type: string }, Type extends Event['type']>(
  event: Event,
  type: Type,
): event is Extract<Event, { readonly type: Type }> {
  return event.type === type
}
