/** The command line. */
import { expect, test } from 'vitest'
import { parseCommandLine } from '../../src/cli/command-line.ts'
import { helpText } from '../../src/cli/help.ts'
import { listenError } from '../../src/cli/start-error.ts'
import { flagOf, settingNames } from '../../src/config/settings.ts'

test.each<[string[], Record<string, string>]>([
  [[], {}],
  [['serve'], {}],
  [['--http', ':80'], { http: ':80' }],
  [['serve', '--http=:80'], { http: ':80' }],
  [['--http', ':80', 'serve'], { http: ':80' }],
  [['--http', ':80', '--http', ':81'], { http: ':81' }],
  [['--demo', '--log-level', 'debug'], { demo: 'true', logLevel: 'debug' }],
  [
    ['--public-address', '203.0.113.1', '--public-address', '2001:db8::1'],
    { publicAddress: '203.0.113.1,2001:db8::1' },
  ],
  [['--publish-token=-dash'], { publishToken: '-dash' }],
])('%j serves', (args, texts) => {
  expect(parseCommandLine(args)).toEqual({ command: 'serve', texts })
})

test.each<[string[], RegExp]>([
  [['--htpp', ':80'], /unknown flag --htpp; did you mean --http\?/],
  [['--publish-tokn=x'], /unknown flag --publish-tokn; did you mean --publish-token\?/],
  [['--elephant'], /^unknown flag --elephant$/],
  [['-x'], /unknown flag -x/],
  [['--http'], /--http needs a value: --http HOST:PORT/],
  [['--http='], /--http needs a value/],
  [['--http', '--demo'], /--http needs a value/],
  [['--demo=yes'], /--demo takes no value/],
  [['serv'], /unknown command "serv"; did you mean serve\?/],
  [['serve', 'live'], /unexpected argument "live"/],
  [['--__proto__', 'x'], /unknown flag --__proto__/],
])('%j is refused with words', (args, message) => {
  expect(() => parseCommandLine(args)).toThrow(message)
})

test.each([[['--help']], [['-h']], [['serve', '--help']]])('%j asks for help', (args) => {
  expect(parseCommandLine(args)).toEqual({ command: 'help' })
})

test.each([[['--version']], [['-V']]])('%j asks for the version', (args) => {
  expect(parseCommandLine(args)).toEqual({ command: 'version' })
})

test('the help names every flag', () => {
  for (const name of settingNames) expect(helpText()).toContain(`--${flagOf(name)} `)
})

test.each([
  ['EADDRINUSE', /another program uses it.*--http/],
  ['EACCES', /above 1023 with --http/],
  ['EADDRNOTAVAIL', /no interface of this machine/],
  ['ENOTFOUND', /cannot be resolved/],
  ['EOTHER', /listen EOTHER/],
])('%s at start is explained in one line', (code, message) => {
  const error = Object.assign(new Error(`listen ${code} 127.0.0.1:80`), { code })
  const explained = listenError(error, {
    protocol: 'TCP',
    where: '127.0.0.1:80',
    flag: '--http HOST:PORT',
  }).message
  expect(explained).toMatch(message)
  expect(explained).toContain('TCP 127.0.0.1:80')
  expect(explained).not.toContain('\n')
})
