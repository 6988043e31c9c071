/** PATCH on sessions: trickle ICE, ICE restarts and their entity-tags (RFC 9725 section 4.3); and connectivity checks. */
import { describe, FRAGMENT, remoteIceOf } from '../bench.ts'
import type { Bench, OpenSession } from '../bench.ts'
import { attributesOf, udpCandidatesOf } from '../description.ts'
import type { HttpAnswer } from '../http-exchange.ts'
import { isClientError, isSuccess, mediaTypeOf } from '../http-exchange.ts'
import { newIceCredentials, unusableCandidates, usableCandidate, writeFragment } from '../offers.ts'
import type { IceCredentials } from '../offers.ts'
import type { RuleText } from '../rule.ts'
import { expect, NotApplicable, NotTestable } from '../rule.ts'

const patch = { whip: '4.3.1', whep: '4.5.1' }
const trickle = { whip: '4.3.2', whep: '4.5.2' }
const restart = { whip: '4.3.3', whep: '4.5.3' }
const unknownTag = '"conformance-no-such-tag"'

const isStrong = (tag: string | undefined): tag is string =>
  tag !== undefined && /^"[\x21\x23-\x7e\x80-\xff]*"$/.test(tag)
const lines = (answer: HttpAnswer) => answer.body.split(/\r\n|\n/)

function fragmentIce(answer: HttpAnswer): IceCredentials | undefined {
  const [ufrag] = attributesOf(lines(answer), 'ice-ufrag')
  const [password] = attributesOf(lines(answer), 'ice-pwd')
  return ufrag === undefined || password === undefined ? undefined : { ufrag, password }
}

/** @throws NotApplicable unless entity-tags are in use. */
function tagOf({ created }: OpenSession): string {
  const tag = created.header('ETag')
  if (tag === undefined) throw new NotApplicable('the 201 has no ETag')
  return tag
}

async function expectAlive(bench: Bench, session: OpenSession): Promise<void> {
  const trickled = await bench.trickle(session)
  expect(![404, 410].includes(trickled.status), `the session has ended: ${describe(trickled)}`)
  if (udpCandidatesOf(session.answer).length === 0) return
  expect((await bench.check(session)) === 'success', 'the old ICE credentials are no longer answered')
}

export const iceRules: readonly RuleText[] = [
  {
    number: 'A4.1',
    sections: { whip: '4.3', whep: '4.5', other: 'RFC 8445 section 7.3' },
    level: 'MUST',
    sends: "a STUN check with the answer's credentials to its UDP candidates",
    expects: 'a success with a valid MESSAGE-INTEGRITY from one of them',
    async check(bench) {
      const result = await bench.check(await bench.open())
      expect(result === 'success', result)
    },
  },
  {
    number: 'A4.2',
    sections: { whip: '4.3', whep: '4.5', other: 'RFC 8489 section 9.1.3' },
    level: 'MUST',
    sends: 'a STUN check with a wrong password',
    expects: 'no success',
    async check(bench) {
      const session = await bench.open()
      const result = await bench.check(session, { password: newIceCredentials().password })
      expect(!result.startsWith('success'), result)
    },
  },
  {
    number: 'W28.1',
    sections: { whip: '4.4.5', whep: '4.6.3' },
    level: 'SHOULD',
    sends: 'POST of an offer; where the answer is ICE-lite, a STUN check',
    expects: 'full ICE, or an address that this client reaches',
    async check(bench) {
      const session = await bench.open()
      const isLite = [session.answer.session, ...session.answer.media].some((section) =>
        section.includes('a=ice-lite'),
      )
      if (!isLite) return
      expect((await bench.check(session)) === 'success', 'ICE-lite on addresses that cannot be reached')
    },
  },
  {
    number: 'W12.1',
    sections: patch,
    level: 'MUST',
    sends: 'PATCH of a good fragment as text/plain',
    expects: '4xx',
    async check(bench) {
      const session = await bench.open()
      const answer = await bench.patch(session, writeFragment(session.ice, [usableCandidate]), {
        type: 'text/plain',
        ifMatch: session.created.header('ETag') ?? '*',
      })
      expect(isClientError(answer), describe(answer))
    },
  },
  {
    number: 'W12.2',
    sections: patch,
    level: 'MUST',
    sends: 'PATCH of words that are no fragment',
    expects: '4xx',
    async check(bench) {
      const session = await bench.open()
      const answer = await bench.patch(session, 'this is no fragment\r\n', {
        ifMatch: session.created.header('ETag') ?? '*',
      })
      expect(isClientError(answer), describe(answer))
    },
  },
  {
    number: 'W13.1',
    sections: patch,
    level: 'MUST',
    sends: 'PATCH of a candidate; PATCH with new credentials',
    expects: 'both are done, or 422 for the one that is not supported',
    async check(bench) {
      const session = await bench.open()
      const [trickled, restarted] = [await bench.trickle(session), await bench.restart(session)]
      const supports = [isSuccess(trickled), restarted.status === 200]
      if (supports.every(Boolean)) return
      if (!supports.some(Boolean)) throw new NotApplicable('neither is supported')
      const other = supports[0] ? restarted : trickled
      expect(other.status === 422, describe(other))
    },
  },
  {
    number: 'W14.1',
    sections: patch,
    level: 'MUST',
    sends: 'POST; later an ICE restart',
    expects: 'where restarts are supported, the 201 has a strong ETag',
    async check(bench) {
      const { session } = await bench.openAndRestart()
      const tag = session.created.header('ETag')
      expect(isStrong(tag), `ETag is ${tag ?? 'missing'}`)
    },
  },
  {
    number: 'W14.2',
    sections: patch,
    level: 'MUST',
    sends: 'two sessions, one after the other',
    expects: 'ETags that differ: each names one ICE session',
    async check(bench) {
      const first = await bench.open()
      const tag = tagOf(first)
      await bench.remove(first)
      const second = tagOf(await bench.open())
      expect(tag !== second, `both are ${tag}`)
    },
  },
  {
    number: 'W15.1',
    sections: trickle,
    level: 'MUST',
    sends: 'POST; then PATCH of a candidate',
    expects: 'where candidates are taken, the 201 has an ETag for If-Match',
    async check(bench) {
      const { created } = await bench.openTrickling()
      expect(created.header('ETag') !== undefined, 'ETag is missing')
    },
  },
  {
    number: 'W15.2',
    sections: patch,
    level: 'MUST',
    sends: 'PATCH of a candidate without If-Match',
    expects: '428 where entity-tags are in use',
    async check(bench) {
      const session = await bench.openTrickling()
      tagOf(session)
      const answer = await bench.patch(session, writeFragment(session.ice, [usableCandidate]))
      expect(answer.status === 428, describe(answer))
    },
  },
  {
    number: 'W15.3',
    sections: patch,
    level: 'MUST',
    sends: 'PATCH of a candidate with an If-Match that names no ICE session',
    expects: '412 where entity-tags are in use',
    async check(bench) {
      const session = await bench.openTrickling()
      tagOf(session)
      const answer = await bench.patch(session, writeFragment(session.ice, [usableCandidate]), {
        ifMatch: unknownTag,
      })
      expect(answer.status === 412, describe(answer))
    },
  },
  {
    number: 'W15.4',
    sections: patch,
    level: 'MUST',
    sends: 'DELETE with an If-Match that names no ICE session',
    expects: '2xx: the tag does not matter there',
    async check(bench) {
      const answer = await bench.remove(await bench.open(), { 'If-Match': unknownTag })
      expect(isSuccess(answer), describe(answer))
    },
  },
  {
    number: 'W19.1',
    sections: trickle,
    level: 'MUST',
    sends: 'PATCH of a candidate in the tagged m-section alone',
    expects: '204 without content',
    async check(bench) {
      const session = await bench.openTrickling()
      const answer = await bench.trickle(session)
      expect(answer.status === 204 && answer.body === '', describe(answer))
    },
  },
  {
    number: 'W19.2',
    sections: trickle,
    level: 'MUST',
    sends: 'PATCH of a candidate',
    expects: 'no ETag in the answer',
    async check(bench) {
      const answer = await bench.trickle(await bench.openTrickling())
      expect(answer.header('ETag') === undefined, `ETag: ${answer.header('ETag') ?? ''}`)
    },
  },
  {
    number: 'W19.3',
    sections: trickle,
    level: 'MUST',
    sends: 'PATCH of candidates that nobody can use (mDNS, active TCP, an unknown transport)',
    expects: '204: they are dropped in silence',
    async check(bench) {
      const answer = await bench.trickle(await bench.openTrickling(), unusableCandidates)
      expect(answer.status === 204, describe(answer))
    },
  },
  {
    number: 'C4',
    sections: { ...trickle, other: 'whip.js before 1.1' },
    level: 'PRACTICE',
    sends: 'PATCH of a fragment whose m-line has no port',
    expects: '204',
    async check(bench) {
      const session = await bench.openTrickling()
      const fragment = writeFragment(session.ice, [usableCandidate], { mediaLine: 'm=audio RTP/AVP 0' })
      const answer = await bench.patch(session, fragment, { ifMatch: session.created.header('ETag') ?? '*' })
      expect(answer.status === 204, describe(answer))
    },
  },
  {
    number: 'W20.1',
    sections: restart,
    level: 'MUST',
    sends: 'PATCH with a new ufrag and password, If-Match: *',
    expects: "200 with a fragment that holds the server's new ufrag and password; or an error",
    async check(bench) {
      const { session, restarted } = await bench.openAndRestart()
      expect(restarted.status === 200 && mediaTypeOf(restarted) === FRAGMENT, describe(restarted))
      const [before, after] = [remoteIceOf(session), fragmentIce(restarted)]
      expect(after !== undefined, 'the fragment lacks ICE credentials')
      expect(
        after.ufrag !== before?.ufrag && after.password !== before?.password,
        'the credentials are the old ones',
      )
    },
  },
  {
    number: 'W20.2',
    sections: restart,
    level: 'MUST',
    sends: 'PATCH with a new ufrag and password, If-Match: *',
    expects: 'a new strong ETag',
    async check(bench) {
      const { session, restarted } = await bench.openAndRestart()
      const tag = restarted.header('ETag')
      expect(isStrong(tag), `ETag is ${tag ?? 'missing'}`)
      expect(tag !== session.created.header('ETag'), `ETag is still ${tag}`)
    },
  },
  {
    number: 'W20.3',
    sections: patch,
    level: 'MUST',
    sends: 'an ICE restart, then PATCH of a candidate with the tag from before it',
    expects: '412',
    async check(bench) {
      const { session, ice } = await bench.openAndRestart()
      const answer = await bench.patch(session, writeFragment(ice, [usableCandidate]), {
        ifMatch: tagOf(session),
      })
      expect(answer.status === 412, describe(answer))
    },
  },
  {
    number: 'W20.4',
    sections: { ...restart, other: 'RFC 8445 section 7.3' },
    level: 'MUST',
    sends: 'an ICE restart, then a STUN check with the new credentials',
    expects: 'a success with a valid MESSAGE-INTEGRITY',
    async check(bench) {
      const { session, restarted } = await bench.openAndRestart()
      const fresh = fragmentIce(restarted)
      if (fresh === undefined) throw new NotTestable(describe(restarted))
      const result = await bench.check(session, fresh)
      expect(result === 'success', result)
    },
  },
  {
    number: 'C5',
    sections: { ...restart, other: 'the examples in the text' },
    level: 'PRACTICE',
    sends: 'an ICE restart with If-Match: "*" in quotation marks',
    expects: '200, as without them',
    async check(bench) {
      const { session } = await bench.openAndRestart()
      const answer = await bench.restart(session, newIceCredentials(), '"*"')
      expect(answer.status === 200, describe(answer))
    },
  },
  {
    number: 'W21.1',
    sections: restart,
    level: 'MUST',
    sends: 'an ICE restart',
    expects: 'the same ice-lite, ice-options and ice-pacing as in the SDP answer',
    async check(bench) {
      const { session, restarted } = await bench.openAndRestart()
      for (const name of ['ice-lite', 'ice-options', 'ice-pacing']) {
        const read = (source: readonly string[]) =>
          [...new Set(attributesOf(source, name))].toSorted().join(' ')
        const [before, after] = [
          read([session.answer.session, ...session.answer.media].flat()),
          read(lines(restarted)),
        ]
        const had = [session.answer.session, ...session.answer.media].some(
          (section) => attributesOf(section, name).length > 0,
        )
        const has = attributesOf(lines(restarted), name).length > 0
        expect(
          had === has && before === after,
          `a=${name} was "${had ? before : 'missing'}" and is "${has ? after : 'missing'}"`,
        )
      }
    },
  },
  {
    number: 'W22.1',
    sections: restart,
    level: 'MUST',
    sends: 'an ICE restart that cannot be done: the new password has 3 characters',
    expects: 'an error, and the session goes on with its old credentials',
    async check(bench) {
      const session = await bench.open()
      const answer = await bench.restart(session, { ufrag: 'new+ufrag', password: 'abc' })
      expect(answer.status >= 400, describe(answer))
      await expectAlive(bench, session)
    },
  },
  {
    number: 'W23.1',
    sections: patch,
    level: 'MUST',
    sends: 'four ICE restarts at once',
    expects:
      'each that is done has an ETag and credentials of its own; afterwards exactly one of the tags is valid',
    async check(bench) {
      const { session } = await bench.openAndRestart()
      const fresh = Array.from({ length: 4 }, newIceCredentials)
      const answers = await Promise.all(fresh.map((ice) => bench.restart(session, ice)))
      const done = answers
        .map((answer, index) => ({ answer, ice: fresh[index] ?? session.ice }))
        .filter(({ answer }) => answer.status === 200)
      expect(done.length > 0, 'none of them was done')
      const tags = done.map(({ answer }) => answer.header('ETag') ?? '')
      const ufrags = done.map(({ answer }) => fragmentIce(answer)?.ufrag ?? '')
      expect(
        new Set(tags).size === tags.length && new Set(ufrags).size === ufrags.length,
        `tags ${tags.join(' ')}, ufrags ${ufrags.join(' ')}`,
      )
      const statuses: number[] = []
      for (const { answer, ice } of done)
        statuses.push(
          (
            await bench.patch(session, writeFragment(ice, [usableCandidate]), {
              ifMatch: answer.header('ETag') ?? '',
            })
          ).status,
        )
      expect(
        statuses.filter((status) => status === 204).length === 1,
        `trickling with each tag gave ${statuses.join(' ')}`,
      )
    },
  },
]
