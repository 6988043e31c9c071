// Loaded into the gateway by `node --expose-gc --import`: on SIGUSR2 it collects garbage on every thread, then prints what is left.
import { BroadcastChannel, isMainThread } from 'node:worker_threads'

const threads = new BroadcastChannel('whipway-memory-report')
threads.unref()

if (isMainThread) {
  threads.onmessage = ({ data }) => {
    if (data.heldBytes === undefined) return
    const heldBytes = collect() + data.heldBytes
    const { rss } = process.memoryUsage()
    console.log(JSON.stringify({ event: 'memory-report', heldBytes, residentBytes: rss }))
  }
  process.on('SIGUSR2', () => threads.postMessage({}))
} else {
  threads.onmessage = ({ data }) => {
    if (data.heldBytes === undefined) threads.postMessage({ heldBytes: collect() })
  }
}

/** What this thread's objects and their buffers still hold; some buffers are only let go in the second round. */
function collect() {
  globalThis.gc()
  globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
