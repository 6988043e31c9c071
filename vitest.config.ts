import { defineConfig } from 'vitest/config'

const report = process.env['WHIPWAY_TEST_REPORT']

export default defineConfig({
  test: {
    include: ['spec-tests/**/*.test.ts'],
    pool: 'forks',
    // Real clients (libdatachannel, libwebrtc, Chromium) share two cores: more workers would only starve each other.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // CI counts from a report in JSON, beside what people read.
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
  },
})
