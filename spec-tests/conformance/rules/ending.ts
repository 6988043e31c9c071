/** The end of a session (RFC 9725 section 4.2, WHEP section 4.4). */
import { describe } from '../bench.ts'
import { isSuccess } from '../http-exchange.ts'
import type { RuleText } from '../rule.ts'
import { expect, NotTestable } from '../rule.ts'

/** The word of the end has to cross threads, or machines; consent that merely expires lasts for 15 to 30 s. */
const REVOCATION_MS = 1_000
const RETRY_MS = 100
const ending = { whip: '4.2', whep: '4.4' }

export const endingRules: readonly RuleText[] = [
  {
    number: 'W8.1',
    sections: ending,
    level: 'MUST',
    sends: 'DELETE on a session',
    expects: '2xx',
    async check(bench) {
      const answer = await bench.remove(await bench.open())
      expect(isSuccess(answer), describe(answer))
    },
  },
  {
    number: 'W8.2',
    sections: { ...ending, other: 'RFC 9110 section 15.5.5' },
    level: 'MUST',
    sends: 'DELETE, then PATCH and DELETE on the same session',
    expects: '404 or 410: the session has been removed',
    async check(bench) {
      const session = await bench.open()
      await bench.remove(session)
      for (const answer of [await bench.trickle(session), await bench.remove(session)])
        expect([404, 410].includes(answer.status), describe(answer))
    },
  },
  {
    number: 'W9.1',
    sections: { ...ending, other: 'RFC 7675 section 5.2' },
    level: 'MUST',
    sends: 'a STUN check that is answered; DELETE; the same check again',
    expects: 'no success any more within a second: consent is revoked at once, not when it expires',
    async check(bench) {
      const session = await bench.open()
      if ((await bench.check(session)) !== 'success')
        throw new NotTestable('checks are not answered before DELETE either')
      await bench.remove(session)
      const deadline = performance.now() + REVOCATION_MS
      let result = await bench.check(session)
      while (result.startsWith('success') && performance.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
        result = await bench.check(session)
      }
      expect(!result.startsWith('success'), `${result}, still after ${REVOCATION_MS} ms`)
    },
  },
  {
    number: 'C6',
    sections: { ...ending, other: 'OBS' },
    level: 'PRACTICE',
    sends: 'DELETE on a session',
    expects: '200 exactly: on anything else OBS logs an error, and repeats it on 204',
    async check(bench) {
      const answer = await bench.remove(await bench.open())
      expect(answer.status === 200, describe(answer))
    },
  },
]
