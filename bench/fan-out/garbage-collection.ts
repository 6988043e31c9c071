/**
 * Loaded into the gateway's process by the bench alone (`--import`, in every thread): on SIGUSR2 each thread collects its garbage. Memory per viewer
 * is less than the garbage that happens to lie around, so that it can be seen only without.
 */
import { BroadcastChannel, isMainThread } from 'node:worker_threads'

const { gc } = globalThis
const channel = new BroadcastChannel('whipway-bench-garbage-collection')

const collect = () => {
  // Twice: finalizers of the first round free what the second one takes.
  gc?.()
  gc?.()
}

channel.onmessage = collect
channel.unref()

if (isMainThread) {
  process.on('SIGUSR2', () => {
    channel.postMessage('collect')
    collect()
  })
}
