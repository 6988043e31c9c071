/** A test that closes what it opened, whatever happens in it. */
import { test } from 'vitest'

/** A client that a test opened: `close` ends it on its own side, without a word to the gateway over HTTP. */
interface Closable {
  close(): unknown
}

interface Stoppable {
  stop(): unknown
}

export interface InteropFixtures {
  /** Resolves with the client, and closes (or else stops) it after the test; the last one opened goes first. */
  readonly keep: <T extends Closable | Stoppable>(opening: Promise<T>) => Promise<T>
}

export const interopTest = test.extend<InteropFixtures>({
  // eslint-disable-next-line no-empty-pattern -- vitest reads a fixture's needs from this pattern
  keep: async ({}, use) => {
    const opened: (Closable | Stoppable)[] = []
    await use(async (opening) => {
      const resource = await opening
      opened.push(resource)
      return resource
    })
    for (const resource of opened.reverse()) {
      try {
        await ('close' in resource ? resource.close() : resource.stop())
      } catch {
        // A test may have closed it already; what it had to say has been said.
      }
    }
  },
})
