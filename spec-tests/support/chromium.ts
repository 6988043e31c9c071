/** Real Chromium, headless: pages that publish and play through browser APIs alone. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { chromium, type Browser, type Page } from 'playwright-core'
import { readNumber, type StatisticsReport } from './libwebrtc-viewer.ts'

export type ChromiumCodec = 'H264' | 'VP8' | 'VP9' | 'AV1'

export interface ChromiumPublishOptions {
  readonly codec: ChromiumCodec
  /** Simulcast layers, the best first. */
  readonly rids?: readonly string[]
  readonly width?: number
  readonly height?: number
  readonly frameRate?: number
  readonly maxBitrate?: number
  /** Instead of the fake camera, a picture that takes every bit that the encoder is given. */
  readonly noise?: boolean
  readonly token?: string
  /** Changes the answer before the browser sees it (such as pointing it at a relay). */
  readonly editAnswer?: (answer: string) => string
}

export interface ChromiumPlayOptions extends Pick<ChromiumPublishOptions, 'token' | 'editAnswer'> {
  /** Takes note of when each picture of a numbered sample is shown. */
  readonly watchNumbers?: boolean
}

/** A picture that was shown. Times are Unix time in ms, so that pages can be compared. */
export interface ShownPicture {
  readonly number: number
  readonly shownMs: number
}

export interface ShownPictures {
  /** When the WHEP POST was sent. */
  readonly postMs: number
  readonly pictures: readonly ShownPicture[]
}

export interface ChromiumPlayer extends ChromiumPeer<PlayerStatistics> {
  /** What was shown so far, with `watchNumbers`. */
  shownPictures(): Promise<ShownPictures>
}

export interface PlayerStatistics {
  readonly connectionState: string
  /** 'closed' as soon as the gateway's close_notify has come. */
  readonly dtlsState: string
  readonly codec: string
  readonly framesDecoded: number
  readonly frameSize: string
  readonly packetsReceived: number
  readonly packetsLost: number
  readonly freezeCount: number
  readonly nackCount: number
  readonly retransmittedPacketsReceived: number
  readonly jitterBufferDelay: number
  readonly totalAudioEnergy: number
  readonly audioPacketsLost: number
  /** How much earlier in the publisher's time the picture is that is played than the sound, in ms; NaN before both are known. */
  readonly audioAheadMs: number
}

export interface PublisherStatistics {
  readonly connectionState: string
  readonly dtlsState: string
  readonly framesEncoded: number
  readonly bytesSent: number
  readonly targetBitrate: number
  /** What transport-wide congestion control thinks there is, in bit/s. */
  readonly availableOutgoingBitrate: number
  readonly retransmittedPacketsSent: number
  readonly nackCount: number
  readonly pliCount: number
  readonly roundTripTime: number
}

export interface ChromiumPeer<Statistics> {
  statistics(): Promise<Statistics>
  /** DELETE only. Resolves with its status. */
  remove(): Promise<number>
  /** DELETE, then close. Resolves with the status of the DELETE. */
  stop(): Promise<number>
  /** Closes without a DELETE. */
  close(): Promise<void>
}

export interface ChromiumHarness {
  /** Each in a page of its own. */
  publish(whipUrl: string, options: ChromiumPublishOptions): Promise<ChromiumPeer<PublisherStatistics>>
  play(whepUrl: string, options?: ChromiumPlayOptions): Promise<ChromiumPlayer>
  /** Ends the browser and all its processes. */
  stop(): Promise<void>
}

const executables = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

const browserArguments = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
  // Several pages play at once: none may be slowed down for not being in front.
  '--disable-renderer-backgrounding',
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
]

/** The browser alone, for pages of one's own. `CHROMIUM_PATH` names it where it is not in its usual place. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = process.env['CHROMIUM_PATH'] ?? executables.find((path) => existsSync(path))
  if (executablePath === undefined) throw new Error('no Chromium found: install it or set CHROMIUM_PATH')
  return chromium.launch({ executablePath, args: browserArguments, chromiumSandbox: false })
}

export async function startChromium(): Promise<ChromiumHarness> {
  const browser = await launchChromium()
  const site = await serveScript(await readFile(new URL('./chromium-page.js', import.meta.url)))
  return {
    async publish(whipUrl, options) {
      const page = await openPage(browser, site.url, options.editAnswer)
      return wrapPeer(page, await call(page, 'publish', whipUrl, options), summarisePublisher)
    },
    async play(whepUrl, options = {}) {
      const page = await openPage(browser, site.url, options.editAnswer)
      const id = await call(page, 'play', whepUrl, options)
      return {
        ...wrapPeer(page, id, summarisePlayer),
        shownPictures: () => call<ShownPictures>(page, 'shownPictures', id),
      }
    },
    async stop() {
      await browser.close()
      await site.stop()
    },
  }
}

export interface PageStatistics {
  readonly report: StatisticsReport
  readonly connectionState: string
  readonly dtlsState: string
}

function wrapPeer<T>(page: Page, id: string, summarise: (statistics: PageStatistics) => T): ChromiumPeer<T> {
  return {
    statistics: async () => summarise(await call(page, 'statistics', id)),
    remove: () => call<number>(page, 'remove', id),
    async stop() {
      const status = await call<number>(page, 'remove', id)
      await call(page, 'close', id)
      await page.context().close()
      return status
    },
    async close() {
      await call(page, 'close', id)
      await page.context().close()
    },
  }
}

/** As text, because the functions live in the page and know nothing of this side's types. */
async function call<T = string>(page: Page, name: string, ...parameters: readonly unknown[]): Promise<T> {
  const list = parameters.map((parameter) => JSON.stringify(parameter)).join(', ')
  return page.evaluate<T>(`whipway.${name}(${list})`)
}

export function summarisePlayer({ report, connectionState, dtlsState }: PageStatistics): PlayerStatistics {
  const video = (name: string) => readNumber(report, 'inbound-rtp', 'video', name)
  const inbound = report.find((entry) => entry['type'] === 'inbound-rtp' && entry['kind'] === 'video')
  const codec = report.find((entry) => entry['id'] === inbound?.['codecId'])?.['mimeType']
  return {
    connectionState,
    dtlsState,
    codec: typeof codec === 'string' ? codec : '',
    framesDecoded: video('framesDecoded'),
    frameSize: `${video('frameWidth')}x${video('frameHeight')}`,
    packetsReceived: video('packetsReceived'),
    packetsLost: video('packetsLost'),
    freezeCount: video('freezeCount'),
    nackCount: video('nackCount'),
    retransmittedPacketsReceived: video('retransmittedPacketsReceived'),
    jitterBufferDelay: video('jitterBufferDelay'),
    totalAudioEnergy: readNumber(report, 'inbound-rtp', 'audio', 'totalAudioEnergy'),
    audioPacketsLost: readNumber(report, 'inbound-rtp', 'audio', 'packetsLost'),
    audioAheadMs:
      (readNumber(report, 'inbound-rtp', 'audio', 'estimatedPlayoutTimestamp') || NaN) -
      (video('estimatedPlayoutTimestamp') || NaN),
  }
}

export function summarisePublisher({
  report,
  connectionState,
  dtlsState,
}: PageStatistics): PublisherStatistics {
  const video = (name: string) => readNumber(report, 'outbound-rtp', 'video', name)
  const pair = report.find((entry) => entry['type'] === 'candidate-pair' && entry['nominated'] === true)
  return {
    connectionState,
    dtlsState,
    framesEncoded: video('framesEncoded'),
    bytesSent: video('bytesSent'),
    targetBitrate: video('targetBitrate'),
    availableOutgoingBitrate: Number(pair?.['availableOutgoingBitrate'] ?? 0),
    retransmittedPacketsSent: video('retransmittedPacketsSent'),
    nackCount: video('nackCount'),
    pliCount: video('pliCount'),
    roundTripTime: readNumber(report, 'remote-inbound-rtp', 'video', 'roundTripTime'),
  }
}

async function openPage(
  browser: Browser,
  url: string,
  editAnswer = (answer: string) => answer,
): Promise<Page> {
  // A context each, so that the pages share nothing but the browser.
  const context = await browser.newContext()
  const page = await context.newPage()
  await page.exposeFunction('editAnswer', editAnswer)
  await page.goto(url)
  return page
}

/** An empty page with one script. Loopback is a secure context, so that the page may use the camera; its origin is not the gateway's, so CORS is exercised. */
export async function serveScript(
  script: string | Uint8Array,
): Promise<{ url: string; stop(): Promise<void> }> {
  const server = createServer((request, response) => {
    const isScript = request.url === '/page.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(
      isScript ? script : '<!doctype html><title>test</title><script src="/page.js"></script><body></body>',
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
