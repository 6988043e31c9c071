// Makes sure that the programs which tests drive are there: installs them as root on Debian, else says what to install and fails.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** One line per program: its Debian package, the command that must be in PATH, and which tests would be missing without it. */
const programs = [
  { debianPackage: 'chromium', command: 'chromium', usedBy: 'publishing and playing in a browser' },
]

const isInstalled = ({ command }) =>
  (process.env.PATH ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

const fail = (message) => {
  console.error(message)
  process.exit(1)
}

const run = (command, ...args) => {
  console.log(`> ${command} ${args.join(' ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const { status } = spawnSync(command, args, { stdio: 'inherit', env })
  if (status !== 0)
    fail(`"${command} ${args.join(' ')}" failed; the tests cannot run without what it installs.`)
}

const missing = programs.filter((program) => !isInstalled(program))
if (missing.length > 0) {
  const packages = missing.map(({ debianPackage }) => debianPackage)
  for (const { command, usedBy } of missing) console.log(`The tests need ${command} for ${usedBy}.`)
  const command = `apt-get install -y --no-install-recommends ${packages.join(' ')}`
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) {
    fail(`Install it first; on Debian and Ubuntu, as root: apt-get update && ${command}`)
  }
  run('apt-get', 'update', '-q')
  run('apt-get', 'install', '-y', '-q', '--no-install-recommends', ...packages)
  const stillMissing = programs.filter((program) => !isInstalled(program))
  if (stillMissing.length > 0) {
    fail(`Still not in PATH after installing: ${stillMissing.map(({ command }) => command).join(', ')}.`)
  }
}
