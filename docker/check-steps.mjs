// Carries out the Dockerfile without a container engine: each stage in a clean directory, with this machine's Node and shell. Then starts the
// entry point as an unprivileged user, asks the health check, and stops it by the stop signal. Where an engine exists, use that instead.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { readInstructions, isLeftOut } from './dockerfile.mjs'

const startTimeoutMs = 15_000
const stopTimeoutMs = 10_000
/** The user "nobody" of Debian; only root can become it. */
const unprivilegedId = 65_534

const context = resolve(import.meta.dirname, '..')
const root = mkdtempSync(join(tmpdir(), 'whipway-image-'))
chmodSync(root, 0o755)

/** What the last stage says about running the image. */
const image = { workdir: '/', environment: {}, entryPoint: [], healthCheck: [], stopSignal: 'SIGTERM' }
let stage = ''

const fail = (message) => {
  throw new Error(message)
}

const inStage = (path) =>
  path.startsWith('/') ? join(root, stage, path) : join(root, stage, image.workdir, path)

function copy(words) {
  const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length)
  const paths = words.filter((word) => !word.startsWith('--'))
  const target = paths.pop() ?? fail('COPY without a target')
  for (const path of paths) {
    if (from === undefined && isLeftOut(path)) fail(`COPY ${path}: .dockerignore leaves it out`)
    const source = from === undefined ? join(context, path) : join(root, from, path)
    // "COPY file directory/" puts the file into the directory; "COPY a b" makes b of a.
    cpSync(source, target.endsWith('/') ? join(inStage(target), basename(path)) : inStage(target), {
      recursive: true,
    })
  }
}

function run(command) {
  console.log(`[${stage}] RUN ${command}`)
  const { status } = spawnSync('/bin/sh', ['-c', command], {
    cwd: inStage('.'),
    env: { ...process.env, ...image.environment },
    stdio: 'inherit',
  })
  if (status !== 0) fail(`"${command}" ended with ${status}`)
}

/** One function per instruction that our Dockerfile uses; an unknown one fails, so that this check grows with it. */
const instructions = {
  FROM(text, words) {
    const [, as, name] = words
    stage = as?.toUpperCase() === 'AS' ? name : 'image'
    Object.assign(image, { workdir: '/', environment: {} })
  },
  WORKDIR(text) {
    image.workdir = text
    mkdirSync(inStage('.'), { recursive: true })
  },
  COPY: (text, words) => copy(words),
  RUN: (text) => run(text),
  ENV(text) {
    const [name, value] = text.split('=')
    image.environment[name] = value
  },
  USER: (text) => text !== 'root' || fail('runs as root'),
  EXPOSE: () => undefined,
  STOPSIGNAL: (text) => (image.stopSignal = text),
  HEALTHCHECK: (text) => (image.healthCheck = JSON.parse(text.slice(text.indexOf('[')))),
  ENTRYPOINT: (text) => (image.entryPoint = JSON.parse(text)),
}

async function findFreePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return port
}

async function tryImage() {
  const address = `127.0.0.1:${await findFreePort()}`
  const options = {
    cwd: inStage('.'),
    env: { PATH: process.env.PATH, ...image.environment, WHIPWAY_HTTP: address },
    stdio: 'inherit',
    ...(process.getuid() === 0 && { uid: unprivilegedId, gid: unprivilegedId }),
  }
  const [command, ...args] = image.entryPoint
  console.log(`[${stage}] ENTRYPOINT ${image.entryPoint.join(' ')} at ${address}`)
  const gateway = spawn(command, args, options)
  const ended = once(gateway, 'exit')
  try {
    const isHealthy = () => spawnSync(image.healthCheck[0], image.healthCheck.slice(1), options).status === 0
    const deadline = Date.now() + startTimeoutMs
    while (!isHealthy()) {
      if (gateway.exitCode !== null) fail(`the entry point ended with ${gateway.exitCode}`)
      if (Date.now() > deadline) fail(`not healthy after ${startTimeoutMs} ms`)
      await delay(100)
    }
    console.log(`[${stage}] healthy; ${image.stopSignal}`)
    gateway.kill(image.stopSignal)
    await Promise.race([ended, delay(stopTimeoutMs, undefined, { ref: false })])
    if (gateway.exitCode !== 0)
      fail(`${image.stopSignal}: exit code ${gateway.exitCode}, signal ${gateway.signalCode}`)
  } finally {
    if (gateway.exitCode === null && gateway.signalCode === null) gateway.kill('SIGKILL')
  }
}

try {
  for (const { name, text } of readInstructions(
    readFileSync(join(import.meta.dirname, 'Dockerfile'), 'utf8'),
  )) {
    const carryOut = instructions[name] ?? fail(`${name}: this check does not know the instruction`)
    carryOut(text, text.split(/\s+/))
  }
  await tryImage()
  console.log('Every step of the Dockerfile works.')
} finally {
  rmSync(root, { recursive: true, force: true })
}
