/** All rules that can be checked from outside, and why the others cannot. */
import type { Rule } from '../rule.ts'
import { rulesOf } from '../rule.ts'
import { accessRules } from './access.ts'
import { answerRules } from './answer.ts'
import { endingRules } from './ending.ts'
import { endpointRules } from './endpoint.ts'
import { eventRules } from './events.ts'
import { iceRules } from './ice.ts'
import { playbackRules } from './playback.ts'

const texts = [
  endpointRules,
  answerRules,
  iceRules,
  endingRules,
  accessRules,
  playbackRules,
  eventRules,
].flat()
const all = texts.flatMap(rulesOf)

/** WHIP first, each protocol in the order of its document. */
export const rules: readonly Rule[] = [
  ...all.filter(({ protocol }) => protocol === 'whip'),
  ...all.filter(({ protocol }) => protocol === 'whep'),
]

export const uncheckedRules: readonly { readonly id: string; readonly rule: string; readonly why: string }[] =
  [
    { id: 'W7', rule: 'which status codes there are', why: 'each is checked where it is due' },
    {
      id: 'W10',
      rule: 'consent freshness, and DTLS ends a session',
      why: 'needs a connected WebRTC peer and half a minute',
    },
    {
      id: 'W11',
      rule: 'trickle ICE and restarts are recommended',
      why: 'their support is what W19 and W20 depend on',
    },
    {
      id: 'W18',
      rule: 'a fragment has the tagged m-section alone',
      why: 'is about clients; W19.1 sends one',
    },
    { id: 'W31', rule: '503 under overload', why: 'an overload by strangers is an attack' },
    { id: 'W36', rule: 'limits on the rate of requests', why: 'the same' },
    { id: 'P5', rule: 'players offer many codecs', why: 'is about players' },
    {
      id: 'E4',
      rule: 'inactive, layers, reconnect and viewercount',
      why: 'need a publisher that comes and goes; E3.1 checks the first event',
    },
  ]
