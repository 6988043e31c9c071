#!/usr/bin/env node
/** The `whipway` command: reads the command line and the environment and does what they say. */
import { helpText } from './cli/help.ts'
import { parseCommandLine } from './cli/command-line.ts'
import { StartError } from './cli/start-error.ts'
import { readVersion } from './cli/version.ts'
import { ConfigError, environmentSource, flagSource, loadConfig } from './config/load.ts'
import { createLogger } from './telemetry/logger.ts'

/** Customary for a wrong command line, so that scripts can tell it from a failure. */
const USAGE_EXIT_CODE = 2

async function main(): Promise<number> {
  const commandLine = parseCommandLine(process.argv.slice(2))
  switch (commandLine.command) {
    case 'help':
      process.stdout.write(helpText())
      return 0
    case 'version':
      process.stdout.write(`${readVersion()}\n`)
      return 0
    case 'serve': {
      const config = loadConfig([flagSource(commandLine.texts), environmentSource(process.env)])
      const terminal = process.stdout.isTTY === true
      const { serve } = await import('./cli/serve.ts') // loads everything else, which help and errors do without
      return serve(config, createLogger({ level: config.logLevel, terminal }), terminal)
    }
  }
}

try {
  process.exit(await main())
} catch (error) {
  if (error instanceof ConfigError) {
    process.stderr.write(`whipway: ${error.message}\nTry: whipway --help\n`)
    process.exit(USAGE_EXIT_CODE)
  }
  if (error instanceof StartError) {
    process.stderr.write(`whipway: ${error.message}\n`)
    process.exit(1)
  }
  throw error
}
