/** WHIP and WHEP clients of others, as they come from npm, in Chromium: each in a page of its own. */
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { launchChromium, serveScript, type PageStatistics } from './chromium.ts'

export type ThirdPartyPublisher = 'whip-whep publisher' | '@eyevinn/whip-web-client'
export type ThirdPartyPlayer = 'whip-whep player' | '@eyevinn/webrtc-player'

export interface ThirdPartyClient {
  statistics(): Promise<PageStatistics>
  mute(): Promise<void>
  /** An ICE restart, by those that have one. */
  restart(): Promise<void>
  /** Ends the session in the client's own way. */
  stop(): Promise<void>
  /** Closes the page without a word. */
  close(): Promise<void>
  /** Every request of the page to a gateway, and its status, in order: 'POST 201'. */
  readonly requests: readonly string[]
}

export interface ThirdPartyClients {
  open(name: ThirdPartyPublisher | ThirdPartyPlayer, url: string, token?: string): Promise<ThirdPartyClient>
  /** What the client's POST is answered, whatever the client makes of it. */
  postStatus(name: ThirdPartyPublisher | ThirdPartyPlayer, url: string): Promise<number>
  stop(): Promise<void>
}

export async function startThirdPartyClients(): Promise<ThirdPartyClients> {
  const browser = await launchChromium()
  const site = await serveScript(await bundle())
  return {
    async open(name, url, token) {
      const page = await (await browser.newContext()).newPage()
      const requests: string[] = []
      page.on('response', (response) => {
        if (!response.url().startsWith(site.url))
          requests.push(`${response.request().method()} ${response.status()}`)
      })
      await page.goto(site.url)
      const call = <T>(method: string, ...parameters: readonly (string | undefined)[]): Promise<T> =>
        page.evaluate<T>(`whipway.${method}(${parameters.map((each) => JSON.stringify(each)).join(', ')})`)
      const id = await call<string>('open', name, url, token)
      return {
        statistics: () => call('statistics', id),
        mute: () => call('mute', id),
        restart: () => call('restart', id),
        stop: () => call('stop', id),
        close: () => page.context().close(),
        requests,
      }
    },
    async postStatus(name, url) {
      const page = await (await browser.newContext()).newPage()
      await page.goto(site.url)
      const posted = page.waitForResponse((response) => response.request().method() === 'POST')
      // Some clients reject then, others wait for ever.
      void page
        .evaluate(`whipway.open(${JSON.stringify(name)}, ${JSON.stringify(url)})`)
        .catch(() => undefined)
      const status = (await posted).status()
      await page.context().close()
      return status
    },
    async stop() {
      await browser.close()
      await site.stop()
    },
  }
}

/** Two of the packages are CommonJS modules, which no browser loads: their files are joined, and otherwise left as they are. */
async function bundle(): Promise<string> {
  const output = await build({
    configFile: false,
    logLevel: 'error',
    build: {
      write: false,
      minify: false,
      target: 'esnext',
      rollupOptions: { input: fileURLToPath(new URL('./third-party-page.js', import.meta.url)) },
    },
  })
  const [result] = [output].flat()
  const chunk = result !== undefined && 'output' in result ? result.output[0] : undefined
  if (chunk?.type !== 'chunk') throw new Error('vite did not join the page')
  return `(async () => {\n${chunk.code.replaceAll(/^export .*$/gm, '')}\n})()`
}
