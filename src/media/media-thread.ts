/** Starts a media thread, and is what the control wing holds of it. */
import { Worker } from 'node:worker_threads'
import type { ListeningAddress, MediaCommand, MediaEvent, MediaThreadOptions } from './contract.ts'

export interface MediaThread {
  /** Those of the start; a 'listening' event tells of later ones. */
  readonly addresses: readonly ListeningAddress[]
  /** Which UDP sender is in use. */
  readonly sender: 'native' | 'portable'
  send(command: MediaCommand): void
  /** Events from now on; those since the start have been kept for the first listener. */
  onEvent(listener: (event: MediaEvent) => void): void
  /** Resolves with the exit code, or rejects with the error that ended the thread. */
  readonly exited: Promise<number>
}

/** Resolves when the sockets are open. @throws what kept them from it: an Error with `code`, such as EADDRINUSE. */
export async function startMediaThread(options: MediaThreadOptions): Promise<MediaThread> {
  // The tests load the sources as they are; the build has compiled them.
  const entry = new URL(import.meta.url.endsWith('.ts') ? './thread.ts' : './thread.js', import.meta.url)
  const worker = new Worker(entry, { workerData: options, name: 'media' })
  const exited = new Promise<number>((resolve, reject) => {
    worker.once('exit', resolve)
    worker.once('error', reject)
  })
  // Whoever waits for it sees a failure; it is not to count as unhandled before that.
  exited.catch(() => undefined)

  const kept: MediaEvent[] = []
  let listener: ((event: MediaEvent) => void) | undefined
  const listening = await new Promise<Extract<MediaEvent, { type: 'listening' }>>((resolve, reject) => {
    worker.on('message', (event: MediaEvent) => {
      if (event.type === 'listening') resolve(event) // does nothing but the first time
      if (listener === undefined) kept.push(event)
      else listener(event)
    })
    exited.then(
      (code) => reject(new Error(`the media thread ended at its start (exit code ${code})`)),
      reject,
    )
  })
  return {
    addresses: listening.addresses,
    sender: listening.sender,
    send: (command) => worker.postMessage(command),
    onEvent(newListener) {
      listener = newListener
      for (const event of kept.splice(0)) newListener(event)
    },
    exited,
  }
}
