/** The conformance suite against this gateway: as it comes, and as it can be configured. What it does not do is named here, and nothing else. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGateway } from '../support/gateway.ts'
import type { Gateway } from '../support/gateway.ts'
import { startLibdatachannelPublisher } from '../support/libdatachannel-publisher.ts'
import type { LibdatachannelPublisher } from '../support/libdatachannel-publisher.ts'
import type { Target } from './bench.ts'
import type { Rule } from './rule.ts'
import { rules } from './rules/index.ts'
import { runRule } from './run.ts'
import type { Verdict } from './run.ts'

interface Exception {
  /** Matches 'whip W19.1' or 'whep W19.1': the id without what WHEP puts before it. */
  readonly rules: RegExp
  readonly verdict: Exclude<Verdict, 'pass'>
  readonly why: string
}

const always: readonly Exception[] = [
  {
    rules: / W36\.1$/,
    verdict: 'not testable',
    why: 'HTTPS is the business of a proxy, and this is loopback',
  },
  { rules: / W30\.1$/, verdict: 'not applicable', why: 'only a gateway that is full redirects' },
  {
    rules: /^whip W35\.1$/,
    verdict: 'not applicable',
    why: 'WHIP has no extensions that a gateway could offer',
  },
]

const setups = [
  {
    name: 'strict, with tokens and ICE servers',
    args: [
      '--strict',
      '--ice-server',
      'stun:stun.example.net',
      '--publish-token',
      'one',
      '--play-token',
      'two',
    ],
    tokens: { token: 'one', playToken: 'two' },
    exceptions: always,
  },
  {
    name: 'as it comes',
    args: [],
    tokens: { token: undefined, playToken: undefined },
    exceptions: [
      ...always,
      {
        rules: / W15\.2$/,
        verdict: 'fail',
        why: 'clients that send no If-Match are served; --strict refuses them',
      },
      { rules: / W34\./, verdict: 'not testable', why: 'there is no token' },
      { rules: / (W32\.1|C7)$/, verdict: 'not applicable', why: 'no ICE server is configured' },
    ] satisfies Exception[],
  },
]

const nameOf = ({ protocol, id }: Rule) => `${protocol} ${id.split('/').at(-1) ?? ''}`

describe.for(setups)('the gateway $name', ({ args, tokens, exceptions }) => {
  let gateway: Gateway
  let publisher: LibdatachannelPublisher
  beforeAll(async () => {
    gateway = await startGateway({ args })
    publisher = await startLibdatachannelPublisher({ url: gateway.whipUrl('live'), token: tokens.token })
  })
  afterAll(async () => {
    await publisher.stop()
    await gateway.stop()
  })

  it.for(rules)('keeps $protocol $id, or is known not to', async (rule) => {
    const { token, playToken } = tokens
    const target: Target = {
      whip: gateway.whipUrl('conformance'),
      whep: gateway.whepUrl('live'),
      ...(token === undefined ? {} : { token, playToken }),
    }
    const { verdict, reason } = await runRule(rule, target)
    const exception = exceptions.find((known) => known.rules.test(nameOf(rule)))
    // A rule that is kept by now has to leave the list.
    expect(`${verdict}${verdict === exception?.verdict ? '' : ` ${reason}`}`.trim()).toBe(
      exception?.verdict ?? 'pass',
    )
  })

  it('has no exception without a rule', () => {
    const unused = exceptions.filter((known) => !rules.some((rule) => known.rules.test(nameOf(rule))))
    expect(unused).toEqual([])
  })
})
