/**
 * Loaded into the gateway's process by the bench alone (`--import`, in every thread): on SIGUSR2 each thread collects its garbage, and file descriptor
 * 3 gets a line with what V8 then holds but does not use. Memory per viewer is less than the pages that V8 happens to keep, so that it can be seen
 * only without them.
 */
import { writeSync } from 'node:fs'
import { getHeapStatistics } from 'node:v8'
import { BroadcastChannel, isMainThread } from 'node:worker_threads'

const reportDescriptor = 3
/** Other threads answer within some 10 ms; they may be busy. */
const answerMs = 500

const { gc } = globalThis
const channel = new BroadcastChannel('whipway-bench-heap-report')
channel.unref()

/** Collects, and returns the bytes of this thread's heap that are resident without need. */
function collect(): number {
  // Twice: finalizers of the first round free what the second one takes.
  gc?.()
  gc?.()
  const { total_physical_size: resident, used_heap_size: used } = getHeapStatistics()
  return resident - used
}

if (isMainThread) {
  let unusedBytes = 0
  channel.onmessage = (event) => {
    unusedBytes += (event as { data: number }).data
  }
  process.on('SIGUSR2', () => {
    unusedBytes = 0
    channel.postMessage(0)
    unusedBytes += collect()
    setTimeout(() => writeSync(reportDescriptor, `${unusedBytes}\n`), answerMs)
  })
} else {
  channel.onmessage = () => {
    channel.postMessage(collect())
  }
}
