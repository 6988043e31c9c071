/** Reads the command line into a command and the texts of its settings. */
import { parseArgs } from 'node:util'
import { ConfigError } from '../config/load.ts'
import type { SettingTexts } from '../config/load.ts'
import { nearest } from '../config/nearest.ts'
import type { Setting, SettingName } from '../config/settings.ts'
import { flagOf, settingNames, settings } from '../config/settings.ts'

export type CommandLine =
  | { readonly command: 'serve'; readonly texts: SettingTexts }
  | { readonly command: 'help' }
  | { readonly command: 'version' }

const commands = ['serve'] as const
const ownFlags = ['help', 'version'] as const

const settingByFlag = new Map(settingNames.map((name) => [flagOf(name), name]))
const takesValue = (name: SettingName): boolean => (settings[name] as Setting).placeholder !== undefined

/** @throws ConfigError that says what is wrong and which word was probably meant. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const { tokens } = parseArgs({
    args: [...args],
    // parseArgs' own messages do not know what is near; so it only splits, and what it found is judged here.
    strict: false,
    tokens: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean', short: 'V' },
      ...Object.fromEntries(
        settingNames.map((name) => [
          flagOf(name),
          { type: takesValue(name) ? ('string' as const) : ('boolean' as const) },
        ]),
      ),
    },
  })
  const texts: SettingTexts = {}
  let command: string | undefined
  let own: (typeof ownFlags)[number] | undefined
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue
    if (token.kind === 'positional') {
      if (command !== undefined) throw new ConfigError(`unexpected argument "${token.value}"`)
      command = token.value
      continue
    }
    if (token.name === 'help' || token.name === 'version') {
      own ??= token.name
      continue
    }
    const name = settingByFlag.get(token.name)
    if (name === undefined) throw unknownFlag(token.rawName)
    texts[name] = valueOf(name, token, texts[name])
  }
  if (command !== undefined && !commands.some((known) => known === command)) {
    throw new ConfigError(`unknown command "${command}"${suggestion(nearest(command, commands))}`)
  }
  return own === undefined ? { command: 'serve', texts } : { command: own }
}

interface OptionToken {
  readonly rawName: string
  readonly value: string | undefined
  readonly inlineValue: boolean | undefined
}

function valueOf(name: SettingName, token: OptionToken, before: string | undefined): string {
  const setting: Setting = settings[name]
  if (setting.placeholder === undefined) {
    if (token.value !== undefined) throw new ConfigError(`${token.rawName} takes no value`)
    return 'true'
  }
  // `--http --demo` has forgotten its value; a value that does begin with a dash can be written behind `=`.
  const forgotten =
    token.value === undefined ||
    token.value === '' ||
    (token.inlineValue === false && token.value.startsWith('-'))
  if (forgotten)
    throw new ConfigError(`${token.rawName} needs a value: ${token.rawName} ${setting.placeholder}`)
  const value = token.value ?? ''
  return setting.several === true && before !== undefined ? `${before},${value}` : value
}

const unknownFlag = (rawName: string): ConfigError => {
  const meant = nearest(rawName.replace(/^-+/, ''), [...settingByFlag.keys(), ...ownFlags])
  return new ConfigError(
    `unknown flag ${rawName}${suggestion(meant === undefined ? undefined : `--${meant}`)}`,
  )
}

const suggestion = (word: string | undefined): string => (word === undefined ? '' : `; did you mean ${word}?`)
