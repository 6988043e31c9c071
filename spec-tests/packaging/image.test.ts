/** The container image and the compose file, as far as they can be judged without an engine; docker/check-steps.mjs carries the steps out. */
import { existsSync, readFileSync } from 'node:fs'
import { validate } from 'dockerfile-utils'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { isLeftOut, readInstructions } from '../../docker/dockerfile.mjs'
import { settingNames, variableOf } from '../../src/config/settings.ts'

const dockerfile = readFileSync('docker/Dockerfile', 'utf8')
const instructions = readInstructions(dockerfile)
const lastStage = instructions.slice(instructions.findLastIndex(({ name }) => name === 'FROM'))
const textsOf = (name: string) =>
  lastStage.filter((instruction) => instruction.name === name).map(({ text }) => text)

describe('Dockerfile', () => {
  it('has no warning of the linter', () => {
    expect(validate(dockerfile)).toEqual([])
  })

  it('copies only files that are there and that .dockerignore lets in', () => {
    const sources = instructions
      .filter(({ name, text }) => name === 'COPY' && !text.startsWith('--from='))
      .flatMap(({ text }) => text.split(/\s+/).slice(0, -1))
    expect(sources).toContain('src')
    expect(sources.filter((path) => !existsSync(path) || isLeftOut(path))).toEqual([])
  })

  it('keeps local files that it does not need out of the build', () => {
    expect(['.git', 'node_modules', 'dist', '.env', 'spec-tests'].filter((path) => !isLeftOut(path))).toEqual(
      [],
    )
  })

  it('runs as a user without privileges', () => {
    expect(textsOf('USER')).toEqual(['node'])
  })

  it('starts the gateway without a shell in between, so that signals reach it', () => {
    expect(textsOf('ENTRYPOINT')).toEqual(['["node", "dist/main.js"]'])
    expect(textsOf('STOPSIGNAL')).toEqual(['SIGTERM'])
  })

  it('exposes one number for HTTP and media', () => {
    expect(textsOf('EXPOSE')).toEqual(['8080/tcp 8080/udp'])
  })
})

interface ComposeFile {
  readonly services: {
    readonly whipway: { readonly ports: string[]; readonly environment: Record<string, string> }
  }
}

describe('compose.yaml', () => {
  const { whipway } = (parse(readFileSync('docker/compose.yaml', 'utf8')) as ComposeFile).services

  it('publishes one number over TCP and UDP', () => {
    expect(whipway.ports).toEqual(['8080:8080/tcp', '8080:8080/udp'])
  })

  it('sets only variables that the gateway knows', () => {
    const known = new Set(settingNames.map(variableOf))
    expect(Object.keys(whipway.environment)).toContain('WHIPWAY_PUBLIC_ADDRESS')
    expect(Object.keys(whipway.environment).filter((name) => !known.has(name))).toEqual([])
  })
})
