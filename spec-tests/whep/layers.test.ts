/** WHEP core extensions: the choice of a layer. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ControlWing } from '../support/control-wing.ts'
import { startControlWing } from '../support/control-wing.ts'
import { readOffer } from '../sdp-offers/offers.ts'
import { playOffer, publishOffer } from '../support/offers.ts'

let wing: ControlWing
let viewer: string
beforeAll(async () => {
  wing = await startControlWing()
  await wing.open('/whip/live', readOffer('obs-simulcast'))
  viewer = await wing.open('/whep/live', playOffer())
})
afterAll(() => wing.stop())

const select = (body: unknown, path = viewer) =>
  wing.request(`${path}/layer`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
const selection = () => {
  const session = wing.streams.find(viewer.split('/').at(-1) ?? '')
  return session !== undefined && 'layer' in session ? session.layer : 'no viewer'
}

test.each<[string, object, object | undefined]>([
  ['a rid of the first video', { rid: '1' }, { rid: '1' }],
  ['an encodingId, as older players write it', { encodingId: '2' }, { rid: '2' }],
  ['a rid by the index of the m-section', { mediaId: '1', rid: '0' }, { rid: '0' }],
  [
    'numbers of layers and greatest sizes',
    {
      spatialLayerId: 1,
      temporalLayerId: 0,
      maxSpatialLayerId: 2,
      maxTemporalLayerId: 1,
      maxWidth: 640,
      maxHeight: 360,
    },
    {
      spatialLayerId: 1,
      temporalLayerId: 0,
      maxSpatialLayerId: 2,
      maxTemporalLayerId: 1,
      maxWidth: 640,
      maxHeight: 360,
    },
  ],
  ['mediaId alone, which is automatic', { mediaId: '1' }, undefined],
  ['members that it does not know', { rid: '1', future: true }, { rid: '1' }],
])('takes %s', async (_, body, expected) => {
  await select({ rid: '0' })
  const response = await select(body)
  expect(response.status).toBe(200)
  expect(await response.text()).toBe('')
  expect(selection()).toEqual(expected)
})

describe('refuses, and leaves the choice as it was:', () => {
  test.each<[string, unknown, number, string]>([
    ['a rid that the publisher does not have', { rid: '7' }, 422, 'unknown-layer'],
    ['an m-section that is no video', { mediaId: '0', rid: '1' }, 422, 'unknown-layer'],
    ['a negative layer', { spatialLayerId: -1 }, 400, 'invalid-request'],
    ['a width of 0', { maxWidth: 0 }, 400, 'invalid-request'],
    ['a rid that is no text', { rid: 1 }, 400, 'invalid-request'],
    ['an array', ['1'], 400, 'invalid-request'],
    ['no JSON', '{', 400, 'invalid-request'],
  ])('%s', async (_, body, status, code) => {
    await select({ rid: '2' })
    const response = await select(body)
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ code })
    expect(selection()).toEqual({ rid: '2' })
  })
})

test('a session that does not exist answers 404', async () => {
  expect((await select({ rid: '1' }, viewer.replace(/.$/, 'x'))).status).toBe(404)
})

test('a stream without layers has none to choose', async () => {
  await wing.open('/whip/plain', publishOffer())
  expect((await select({ rid: '0' }, await wing.open('/whep/plain', playOffer()))).status).toBe(422)
})
