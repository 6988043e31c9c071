/** How settings are written. */
import { expect, test } from 'vitest'
import { parseDurationMs, parseListenAddress, parseQuantity } from '../../src/config/values.ts'

test.each<[string, { host: string | undefined; port: number } | undefined]>([
  ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }],
  ['0.0.0.0:0', { host: '0.0.0.0', port: 0 }],
  ['localhost:80', { host: 'localhost', port: 80 }],
  ['[::1]:8080', { host: '::1', port: 8080 }],
  ['[::]:8080', { host: '::', port: 8080 }],
  [':8080', { host: undefined, port: 8080 }],
  ['8080', { host: undefined, port: 8080 }],
  ['*:8080', { host: undefined, port: 8080 }],
  ['127.0.0.1', undefined],
  ['127.0.0.1:', undefined],
  ['127.0.0.1:65536', undefined],
  ['127.0.0.1:-1', undefined],
  ['300.0.0.1:80', undefined],
  ['1.2.3:80', undefined],
  ['::1:8080', undefined],
  ['[::1]8080', undefined],
  ['[127.0.0.1]:80', undefined],
  ['http://localhost:8080', undefined],
  ['', undefined],
])('the address %s', (text, expected) => {
  expect(parseListenAddress(text)).toEqual(expected)
})

test.each<[string, number | undefined]>([
  ['30s', 30_000],
  ['30', 30_000],
  ['500ms', 500],
  ['2m', 120_000],
  ['1.5s', 1500],
  ['0', 0],
  ['-1s', undefined],
  ['1h', undefined],
  ['s', undefined],
  ['1e3', undefined],
  ['', undefined],
])('the duration %s', (text, expected) => {
  expect(parseDurationMs(text)).toBe(expected)
})

test.each<[string, number | undefined]>([
  ['20000000', 20_000_000],
  ['20M', 20_000_000],
  ['2.5M', 2_500_000],
  ['4Mi', 4_194_304],
  ['64Ki', 65_536],
  ['20 M', undefined],
  ['20m', undefined],
  ['0x10', undefined],
])('the quantity %s', (text, expected) => {
  expect(parseQuantity(text)).toBe(expected)
})
