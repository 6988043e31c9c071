// Reads the Dockerfile and .dockerignore of this repository for its checks.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Instructions in order: name in capitals, and the rest as text with continued lines joined. */
export function readInstructions(dockerfile) {
  return dockerfile
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .replaceAll('\\\n', '')
    .split('\n')
    .map((line) => /^(\w+)\s+(.*)$/.exec(line.trim()))
    .filter((match) => match !== null)
    .map(([, name, text]) => ({ name: name.toUpperCase(), text }))
}

const patterns = readFileSync(join(import.meta.dirname, '..', '.dockerignore'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))

/** Our .dockerignore has only "*" and "!path": a path is left out unless it or a directory above it is let in. */
export function isLeftOut(path) {
  return !patterns.some((pattern) => pattern.startsWith('!') && `${path}/`.startsWith(`${pattern.slice(1)}/`))
}
