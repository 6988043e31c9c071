/** `--demo`: publishes a test picture and a tone through the gateway's own WHIP endpoint. */
import type { Logger } from '../telemetry/logger.ts'

export interface Demo {
  /** Never throws. */
  stop(): Promise<void>
}

/** Starts in the background: a gateway whose demo fails is still a gateway. */
export function startDemo(whipUrl: string, token: string | undefined, logger: Logger): Demo {
  const abort = new AbortController()
  const started = publish(whipUrl, token, abort.signal).catch((error: unknown) => {
    logger.error(
      { event: 'demo-failed', err: error },
      'the demo stream could not be published; it needs the optional package @roamhq/wrtc',
    )
    return undefined
  })
  return {
    async stop() {
      abort.abort()
      await (await started)?.stop()
    },
  }
}

async function publish(whipUrl: string, token: string | undefined, signal: AbortSignal): Promise<Demo> {
  // Loaded on demand: libwebrtc is an optional dependency and takes tens of megabytes.
  const { startDemoPublisher } = await import('../client/demo-publisher.ts')
  return startDemoPublisher({ whipUrl, token, signal })
}
