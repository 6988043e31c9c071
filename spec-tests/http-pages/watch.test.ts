/** The player page in a real browser, with the gateway's own demo stream. */
import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Gateway } from '../support/gateway.ts'
import { startGateway } from '../support/gateway.ts'
import { publishOffer } from '../support/offers.ts'
import { waitFor } from '../support/wait.ts'

let browser: Browser
beforeAll(async () => {
  const installed = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
    (path) => existsSync(path),
  )
  browser = await chromium.launch({
    executablePath: process.env['CHROMIUM_PATH'] ?? installed ?? 'chromium',
    chromiumSandbox: false,
    // The browser's own rule for pages of strangers: no sound before a tap.
    args: ['--disable-gpu', '--autoplay-policy=document-user-activation-required'],
  })
})
afterAll(() => browser.close())

/** Opens a page and keeps what its console complains about. */
async function open(url: string): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    // A refused POST is logged by the browser itself.
    if (message.type() === 'error' && !message.text().includes('Failed to load resource'))
      complaints.push(message.text())
  })
  await page.goto(url)
  return { page, complaints }
}

const shownFrames = (page: Page) =>
  page.evaluate<number>(`document.getElementById('video').getVideoPlaybackQuality().totalVideoFrames`)
const notice = (page: Page) => page.locator('#notice')
const ended = (gateway: Gateway, role: string) =>
  gateway.log().find((line) => line['event'] === 'session-ended' && line['role'] === role)

test('plays muted without a tap, gives sound at a tap, and says goodbye when it is left', async () => {
  const gateway = await startGateway({ args: ['--demo'] })
  const { page, complaints } = await open(`${gateway.httpUrl}/watch/demo`)
  await waitFor('pictures', async () => (await shownFrames(page)) > 10)
  await notice(page).waitFor({ state: 'hidden' })
  const muted = () => page.evaluate<boolean>(`document.getElementById('video').muted`)
  expect(await muted()).toBe(true)
  await page.locator('#sound').click()
  expect(await muted()).toBe(false)
  await page.locator('#sound').waitFor({ state: 'hidden' })
  await page.goto('about:blank')
  await waitFor('the DELETE', () => ended(gateway, 'viewer')?.['reason'] === 'deleted')
  await page.close()
  await gateway.stop()
  expect(complaints).toEqual([])
})

test('waits for a stream that nobody publishes, and tries again as Retry-After says', async () => {
  const gateway = await startGateway()
  const { page } = await open(`${gateway.httpUrl}/watch/live`)
  await notice(page).getByText('Waiting for the stream').waitFor()
  const again = page.waitForResponse(
    (response) => response.url() === gateway.whepUrl('live') && response.status() === 201,
  )
  await fetch(gateway.whipUrl('live'), {
    method: 'POST',
    headers: { 'Content-Type': 'application/sdp' },
    body: publishOffer({ video: 'VP8' }),
  })
  expect((await again).ok()).toBe(true)
  await page.close()
  await gateway.stop()
})

test('asks for the token where one is needed, and takes it from the fragment of the address', async () => {
  const gateway = await startGateway({ args: ['--demo'], env: { WHIPWAY_PLAY_TOKEN: 'play-secret' } })
  const asked = await open(`${gateway.httpUrl}/watch/demo`)
  await asked.page.locator('#token').fill('wrong')
  await asked.page.getByRole('button', { name: 'Watch' }).click()
  await asked.page.getByText('This token was not accepted.').waitFor()
  await asked.page.locator('#token').fill('play-secret')
  await asked.page.getByRole('button', { name: 'Watch' }).click()
  await waitFor('pictures', async () => (await shownFrames(asked.page)) > 3)
  await asked.page.close()

  const told = await open(`${gateway.httpUrl}/watch/demo#token=play-secret`)
  await waitFor('pictures', async () => (await shownFrames(told.page)) > 3)
  await told.page.close()
  await gateway.stop()
})

test('comes back when the gateway has ended its session', async () => {
  const gateway = await startGateway({ args: ['--demo'] })
  const { page } = await open(`${gateway.httpUrl}/watch/demo`)
  await waitFor('pictures', async () => (await shownFrames(page)) > 3)
  const opened = gateway.log().find((line) => line['event'] === 'session-opened' && line['role'] === 'viewer')
  await fetch(`${gateway.whepUrl('demo')}/${String(opened?.['session'])}`, { method: 'DELETE' })
  await waitFor(
    'a second session',
    () =>
      gateway.log().filter((line) => line['event'] === 'session-connected' && line['role'] === 'viewer')
        .length === 2,
    { timeoutMs: 25_000 },
  )
  await page.close()
  await gateway.stop()
})

test('the start page names the addresses of this host', async () => {
  const gateway = await startGateway()
  const { page, complaints } = await open(gateway.httpUrl)
  await page.getByText(gateway.whipUrl('live'), { exact: true }).waitFor()
  await page.getByText(gateway.whepUrl('live'), { exact: true }).waitFor()
  await page.close()
  await gateway.stop()
  expect(complaints).toEqual([])
})
