import { describe, expect, it } from 'vitest'
import { KeyframeRequester, keyframeRequestMethod } from '../../src/media/forwarding/keyframe-requester.ts'
import { noFeedback } from './harness.ts'

function requestTimes(requester: KeyframeRequester, untilMs: number, fromMs = 0): number[] {
  const times: number[] = []
  for (let nowMs = fromMs; nowMs <= untilMs; nowMs += 10) if (requester.takeDue(nowMs)) times.push(nowMs)
  return times
}

describe('keyframe requests', () => {
  it.each([
    [{ pli: true, fir: true }, 'pli'],
    [{ pli: false, fir: true }, 'fir'],
    [{ pli: false, fir: false }, 'none'],
  ])('are made as negotiated: %o by %s', (feedback, method) => {
    expect(keyframeRequestMethod({ ...noFeedback, ...feedback })).toBe(method)
  })

  it('of many viewers become one', () => {
    const requester = new KeyframeRequester('pli', 500, 8_000)
    for (let i = 0; i < 100; i++) requester.addWaiter(0)
    expect(requester.nextTimeoutMs).toBe(0)
    expect(requestTimes(requester, 490)).toEqual([0])
  })

  it('go out at most once per interval, also for new viewers', () => {
    const requester = new KeyframeRequester('pli', 500, 8_000)
    requester.addWaiter(0)
    requestTimes(requester, 0)
    requester.receiveKeyframe(50)
    requester.removeWaiter()
    requester.addWaiter(100)
    expect(requestTimes(requester, 900, 100)).toEqual([500])
  })

  it('are repeated with growing waits, up to a bound, until a keyframe came', () => {
    const requester = new KeyframeRequester('pli', 500, 2_000)
    requester.addWaiter(0)
    expect(requestTimes(requester, 8_000)).toEqual([0, 500, 1_500, 3_500, 5_500, 7_500])
    requester.receiveKeyframe(8_100)
    requester.removeWaiter()
    expect(requester.nextTimeoutMs).toBe(Infinity)
  })

  it('do not wait for a long repetition when another viewer comes', () => {
    const requester = new KeyframeRequester('pli', 500, 8_000)
    requester.addWaiter(0)
    requestTimes(requester, 4_000)
    requester.addWaiter(4_100)
    expect(requestTimes(requester, 4_200, 4_100)).toEqual([4_100])
  })

  it('stop when nobody waits any more', () => {
    const requester = new KeyframeRequester('pli', 500, 8_000)
    requester.addWaiter(0)
    requester.addWaiter(0)
    requestTimes(requester, 0)
    requester.removeWaiter()
    expect(requester.nextTimeoutMs).toBe(500)
    requester.removeWaiter()
    expect(requestTimes(requester, 5_000)).toEqual([])
  })

  it('go on for a viewer that the keyframe did not reach', () => {
    const requester = new KeyframeRequester('pli', 500, 8_000)
    requester.addWaiter(0)
    requestTimes(requester, 0)
    requester.receiveKeyframe(100)
    expect(requestTimes(requester, 700)).toEqual([600])
  })

  it('are never made of a publisher that negotiated neither PLI nor FIR', () => {
    const requester = new KeyframeRequester('none', 500, 8_000)
    requester.addWaiter(0)
    expect(requestTimes(requester, 5_000)).toEqual([])
    expect(requester.nextTimeoutMs).toBe(Infinity)
  })

  it('by FIR keep their number while repeated, and take the next one after a keyframe', () => {
    const requester = new KeyframeRequester('fir', 500, 8_000)
    requester.addWaiter(0)
    requestTimes(requester, 0)
    const first = requester.commandSequenceNumber
    requestTimes(requester, 500)
    expect(requester.commandSequenceNumber).toBe(first)
    requester.receiveKeyframe(600)
    expect(requester.commandSequenceNumber).toBe(first + 1)
  })
})
