/** The version in package.json, which lies one directory above both src/ and dist/. */
import { readFileSync } from 'node:fs'
import { z } from 'zod'

export function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version
}
