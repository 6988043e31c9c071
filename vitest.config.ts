import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['spec-tests/**/*.test.ts'],
    pool: 'forks',
    // Real clients (libdatachannel, libwebrtc, Chromium) share two cores: more workers would only starve each other.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
