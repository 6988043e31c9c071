/** Entry point of the media thread: joins the engine to the messages of the control wing. */
import { parentPort, workerData } from 'node:worker_threads'
import type { MediaCommand, MediaEvent, MediaThreadOptions } from './contract.ts'
import { MediaEngine } from './engine.ts'

const port = parentPort
if (port === null) throw new Error('this module is the entry point of a worker thread')

const engine = new MediaEngine(workerData as MediaThreadOptions, (event: MediaEvent) =>
  port.postMessage(event),
)
await engine.open()
port.on('message', (command: MediaCommand) => {
  engine.execute(command)
  // With the sockets closed and this port released, nothing keeps the thread.
  if (command.type === 'shut-down') port.close()
})
