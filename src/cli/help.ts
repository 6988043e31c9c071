/** The text of `whipway --help`, derived from the table of settings. */
import type { Setting } from '../config/settings.ts'
import { flagOf, settingNames, settings } from '../config/settings.ts'

export function helpText(): string {
  const rows = settingNames.map((name) => {
    const { placeholder, help, fallback, several } = settings[name] as Setting
    const left = `--${flagOf(name)}${placeholder === undefined ? '' : ` ${placeholder}`}`
    const shown =
      placeholder === undefined || fallback === undefined || fallback === '' ? '' : ` (default: ${fallback})`
    return [left, `${help}${several === true ? '; may be repeated' : ''}${shown}`] as const
  })
  const all = [...rows, ['--help', 'this text'] as const, ['--version', 'the version'] as const]
  const width = Math.max(...all.map(([left]) => left.length))
  return [
    'Usage: whipway [serve] [flags]',
    '',
    'Forwards WebRTC streams: publish with a POST to /whip/NAME, watch with a POST to /whep/NAME.',
    '',
    ...all.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
    '',
    'Every flag has an environment variable: --http is WHIPWAY_HTTP, --publish-token is WHIPWAY_PUBLISH_TOKEN.',
    'Give tokens by variable: flags can be read by every user of the machine. Times are written as 30s or 500ms.',
    '',
  ].join('\n')
}
