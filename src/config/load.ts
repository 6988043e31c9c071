/** Merges what was said about each setting, flags over environment over defaults, and checks it. */
import { nearest } from './nearest.ts'
import type { Config, Setting, SettingName } from './settings.ts'
import { flagOf, settingNames, settings, variableOf } from './settings.ts'

/** Something that was written wrong; `message` says what, where and how it should be. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** Texts by setting, from one source. A setting that is not there was not mentioned. */
export type SettingTexts = Partial<Record<SettingName, string>>

/** One place where settings come from; earlier sources win. A configuration file will be one more. */
export interface SettingSource {
  readonly texts: SettingTexts
  /** How this source calls a setting, for messages: '--http' or 'WHIPWAY_HTTP'. */
  readonly nameOf: (name: SettingName) => string
}

export const flagSource = (texts: SettingTexts): SettingSource => ({
  texts,
  nameOf: (name) => `--${flagOf(name)}`,
})

/**
 * Reads the WHIPWAY_ variables. An empty one counts as not set, which is how compose files pass on what is missing. Unknown ones are left alone,
 * since orchestrators add variables of their own (WHIPWAY_SERVICE_HOST), unless they are nearly one of ours: a mistyped
 * WHIPWAY_PUBLISH_TOKEN must not silently leave the gateway open.
 */
export function environmentSource(environment: Readonly<Record<string, string | undefined>>): SettingSource {
  const known = new Map(settingNames.map((name) => [variableOf(name), name]))
  const texts: SettingTexts = {}
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith('WHIPWAY_') || text === undefined || text === '') continue
    const name = known.get(variable)
    if (name !== undefined) {
      texts[name] = text
      continue
    }
    const prefixLength = 'WHIPWAY_'.length
    const meant = nearest(
      variable.slice(prefixLength),
      [...known.keys()].map((key) => key.slice(prefixLength)),
    )
    if (meant !== undefined)
      throw new ConfigError(`unknown variable ${variable}; did you mean WHIPWAY_${meant}?`)
  }
  return { texts, nameOf: variableOf }
}

/** @throws ConfigError that names the flag or variable, its value and what was expected. */
export function loadConfig(sources: readonly SettingSource[]): Config {
  const entries = settingNames.map((name): [SettingName, unknown] => {
    const source = sources.find((candidate) => candidate.texts[name] !== undefined)
    const setting: Setting = settings[name]
    const text = source?.texts[name] ?? setting.fallback
    if (text === undefined) return [name, undefined]
    const result = setting.type.safeParse(text)
    if (result.success) return [name, result.data]
    const reason = result.error.issues[0]?.message ?? 'not valid'
    const shown = setting.secret ? 'the value (not shown)' : `"${text}"`
    const meant = setting.words === undefined ? undefined : nearest(text, setting.words)
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`
    throw new ConfigError(`${source?.nameOf(name) ?? name}: ${shown} is not usable: ${reason}${hint}`)
  })
  const config = Object.fromEntries(entries) as Config
  checkTurnLogin(config)
  return config
}

/** Settings that only make sense together. */
function checkTurnLogin({ iceServer, turnUsername, turnCredential, turnSecret }: Config): void {
  if ((turnUsername === undefined) !== (turnCredential === undefined))
    throw new ConfigError('--turn-username and --turn-credential are needed together')
  if (turnSecret !== undefined && turnUsername !== undefined)
    throw new ConfigError(
      '--turn-secret makes user names by itself; leave out --turn-username or --turn-secret',
    )
  const turn = iceServer.find((url) => /^turns?:/.test(url))
  if (turn !== undefined && turnSecret === undefined && turnUsername === undefined)
    throw new ConfigError(
      `--ice-server ${turn} needs --turn-secret, or --turn-username and --turn-credential`,
    )
}
