/**
 * Checks an SDP answer against its offer by the rules that a client applies: JSEP (RFC 9429 section 5.3.1),
 * bundling (RFC 9143), simulcast (RFC 8853), ICE-lite (RFC 8839). It reads both texts line by line itself and
 * shares no code with what it checks.
 */

interface Section {
  readonly type: string
  readonly port: number
  readonly protocol: string
  readonly formats: readonly string[]
  readonly lines: readonly string[]
}

interface Description {
  readonly session: readonly string[]
  readonly sections: readonly Section[]
}

function read(sdp: string): Description {
  const [session = '', ...media] = sdp.split(/^(?=m=)/m)
  return {
    session: session.trim().split('\r\n'),
    sections: media.map((text) => {
      const lines = text.trim().split('\r\n')
      const [type = '', port = '', protocol = '', ...formats] = (lines[0] ?? '').slice(2).split(' ')
      return { type, port: Number(port), protocol, formats, lines: lines.slice(1) }
    }),
  }
}

function values(lines: readonly string[], name: string): string[] {
  return lines
    .filter((line) => line === `a=${name}` || line.startsWith(`a=${name}:`))
    .map((line) => line.slice(name.length + 3))
}

function has(lines: readonly string[], name: string): boolean {
  return values(lines, name).length > 0
}

function one(description: Description, section: Section, name: string): string | undefined {
  return values(section.lines, name)[0] ?? values(description.session, name)[0]
}

const directions = ['sendrecv', 'sendonly', 'recvonly', 'inactive']

function direction(description: Description, section: Section): string {
  const named = (lines: readonly string[]) => directions.find((name) => lines.includes(`a=${name}`))
  return named(section.lines) ?? named(description.session) ?? 'sendrecv'
}

function sends(name: string | undefined): boolean {
  return name === 'sendrecv' || name === 'sendonly'
}

function receives(name: string | undefined): boolean {
  return name === 'sendrecv' || name === 'recvonly'
}

function bundle(description: Description): string[] {
  return values(description.session, 'group')
    .filter((group) => group.startsWith('BUNDLE'))
    .flatMap((group) => group.split(' ').slice(1))
}

function isSubsequence(part: readonly string[], whole: readonly string[]): boolean {
  let from = 0
  return part.every((item) => {
    const at = whole.indexOf(item, from)
    from = at + 1
    return at >= 0
  })
}

/** `a=fmtp` of a payload type as name and value pairs, lower-case. */
function parameters(section: Section, format: string): Map<string, string> {
  const text = values(section.lines, 'fmtp').find((line) => line.startsWith(`${format} `)) ?? ''
  const pairs = text.slice(format.length + 1).split(';')
  return new Map(
    pairs.map((pair) => {
      const [name = '', value = ''] = pair.trim().split('=')
      return [name.toLowerCase(), value.toLowerCase()]
    }),
  )
}

function encoding(section: Section, format: string): string | undefined {
  const fixed: Record<string, string> = { '0': 'PCMU/8000', '8': 'PCMA/8000', '9': 'G722/8000' }
  const line = values(section.lines, 'rtpmap').find((value) => value.startsWith(`${format} `))
  return (line?.slice(format.length + 1) ?? fixed[format])?.toLowerCase()
}

/** Everything that is wrong with the answer, in words; empty for a good one. */
export function answerFaults(offerText: string, answerText: string): string[] {
  const faults: string[] = []
  const check = (good: boolean, fault: string) => {
    if (!good) faults.push(fault)
  }
  check(answerText.startsWith('v=0\r\n'), 'does not begin with v=0')
  check(
    answerText.endsWith('\r\n') && !/[^\r]\n|\r[^\n]/.test(answerText),
    'has a line that does not end in CRLF',
  )
  check(
    answerText.split('\r\n').every((line) => line === '' || /^[a-z]=./.test(line)),
    'has a line that is no SDP line',
  )

  const offer = read(offerText)
  const answer = read(answerText)
  checkSession(offer, answer, check)
  check(offer.sections.length === answer.sections.length, 'has another number of m-sections')
  const accepted: Section[] = []
  answer.sections.forEach((section, index) => {
    const offered = offer.sections[index]
    if (offered === undefined) return
    const say = (good: boolean, fault: string) => check(good, `m-section ${index} ${fault}`)
    checkLine(offered, section, say)
    if (section.port === 0) {
      say(section.lines.includes('a=inactive'), 'is refused but not inactive')
      say(!bundle(answer).includes(one(answer, section, 'mid') ?? ''), 'is refused but bundled')
      return
    }
    accepted.push(section)
    say(
      offered.port !== 0 || has(offered.lines, 'bundle-only'),
      'is accepted, though the offer had switched it off',
    )
    checkDirection(offer, offered, answer, section, say)
    checkFormats(offered, section, say)
    checkExtensions(offered, section, say)
    checkTransport(offer, offered, section, say)
    checkSimulcast(offered, section, say)
    checkSources(answer, section, say)
  })
  check(accepted.length > 0, 'accepts nothing')
  checkBundle(offer, answer, accepted, check)
  return faults
}

type Check = (good: boolean, fault: string) => void

function checkSession(offer: Description, answer: Description, check: Check): void {
  const [version, origin = '', name, time] = answer.session
  check(version === 'v=0' && name === 's=-' && time === 't=0 0', 'does not have v=, o=, s=, t= in this order')
  check(/^o=\S+ \d{1,19} \d+ IN IP[46] \S+$/.test(origin), 'has no proper origin')
  check(has(answer.session, 'ice-lite'), 'does not say that it is ICE-lite')
  const options = values(answer.session, 'ice-options').join(' ').split(/[ ,]/)
  check(!options.includes('trickle'), 'promises to trickle')
  const mixed = 'extmap-allow-mixed'
  check(!has(answer.session, mixed) || has(offer.session, mixed), 'allows mixed extension headers unasked')
}

function checkLine(offered: Section, section: Section, check: Check): void {
  check(
    offered.type === section.type && offered.protocol === section.protocol,
    'has another media type or protocol',
  )
  check(values(offered.lines, 'mid')[0] === values(section.lines, 'mid')[0], 'has another mid')
  check(section.formats.length > 0, 'has no format')
  check(
    section.formats.every((format) => offered.formats.includes(format)),
    'has formats that were not offered',
  )
  check(section.lines[0]?.startsWith('c=IN IP') === true, 'has no c= line')
}

function checkDirection(
  offer: Description,
  offered: Section,
  answer: Description,
  section: Section,
  check: Check,
): void {
  const asked = direction(offer, offered)
  const given = direction(answer, section)
  check(!sends(given) || receives(asked), 'sends what the offerer does not receive')
  check(!receives(given) || sends(asked), 'receives what the offerer does not send')
}

function checkFormats(offered: Section, section: Section, check: Check): void {
  for (const format of section.formats) {
    check(encoding(section, format) !== undefined, `format ${format} has no rtpmap`)
    check(encoding(section, format) === encoding(offered, format), `format ${format} has another encoding`)
    const before = parameters(offered, format)
    const after = parameters(section, format)
    const [name = ''] = (encoding(section, format) ?? '').split('/')
    switch (name) {
      case 'h264':
        check(
          before.get('packetization-mode') === after.get('packetization-mode'),
          `format ${format} has another mode`,
        )
        check(
          before.get('profile-level-id')?.slice(0, 4) === after.get('profile-level-id')?.slice(0, 4),
          `format ${format} has another profile`,
        )
        break
      case 'vp9':
      case 'h265':
        check(before.get('profile-id') === after.get('profile-id'), `format ${format} has another profile`)
        break
      case 'av1':
        check(before.get('profile') === after.get('profile'), `format ${format} has another profile`)
        break
      case 'rtx':
        check(before.get('apt') === after.get('apt'), `RTX ${format} is for another format`)
        check(
          section.formats.includes(after.get('apt') ?? ''),
          `RTX ${format} is for a format that is not there`,
        )
        break
    }
  }
  const media = section.formats.filter((format) => !encoding(section, format)?.startsWith('rtx/'))
  check(media.length === 1, 'accepts more than one codec')
  for (const name of ['rtpmap', 'fmtp', 'rtcp-fb']) {
    check(
      values(section.lines, name).every((value) => section.formats.includes(value.split(' ')[0] ?? '')),
      `has ${name} lines for formats that are not there`,
    )
  }
  const asked = new Set(values(offered.lines, 'rtcp-fb'))
  check(
    values(section.lines, 'rtcp-fb').every(
      (value) => asked.has(value) || asked.has(value.replace(/^\d+/, '*')),
    ),
    'has feedback that was not offered',
  )
}

function checkExtensions(offered: Section, section: Section, check: Check): void {
  const ids = new Set<string>()
  for (const value of values(section.lines, 'extmap')) {
    const [, id = '', given, uri = ''] = /^(\d+)(?:\/(\w+))? (\S+)/.exec(value) ?? []
    check(!ids.has(id), `extension id ${id} is there twice`)
    ids.add(id)
    const match = values(offered.lines, 'extmap').map((line) => /^(\d+)(?:\/(\w+))? (\S+)/.exec(line) ?? [])
    const line = match.find((parts) => parts[1] === id && parts[3] === uri)
    check(line !== undefined, `extension ${id} ${uri} was not offered`)
    const mirror: Record<string, string> = { sendonly: 'recvonly', recvonly: 'sendonly' }
    const asked = line?.[2]
    if (asked === 'sendonly' || asked === 'recvonly')
      check(given === mirror[asked], `extension ${id} has the wrong direction`)
  }
  const mixed = 'extmap-allow-mixed'
  check(!has(section.lines, mixed) || has(offered.lines, mixed), 'allows mixed extension headers unasked')
}

function checkTransport(offer: Description, offered: Section, section: Section, check: Check): void {
  check(/^[0-9A-Za-z+/]{4,256}$/.test(values(section.lines, 'ice-ufrag')[0] ?? ''), 'has no ICE ufrag')
  check(/^[0-9A-Za-z+/]{22,256}$/.test(values(section.lines, 'ice-pwd')[0] ?? ''), 'has no ICE password')
  check(
    /^sha-256 [0-9A-F]{2}(?::[0-9A-F]{2}){31}$/.test(values(section.lines, 'fingerprint')[0] ?? ''),
    'has no fingerprint',
  )
  const expected: Record<string, string> = { actpass: 'passive', active: 'passive', passive: 'active' }
  const asked = one(offer, offered, 'setup') ?? 'active'
  check(values(section.lines, 'setup').join() === expected[asked], 'has the wrong DTLS role')
  check(has(offered.lines, 'rtcp-mux') && has(section.lines, 'rtcp-mux'), 'does not multiplex RTCP')
  check(has(offered.lines, 'rtcp-rsize') === has(section.lines, 'rtcp-rsize'), 'differs in rtcp-rsize')
  check(section.port > 0 && section.port < 65_536, 'has no port')
  for (const candidate of values(section.lines, 'candidate')) {
    check(
      /^\S{1,32} 1 UDP \d{1,10} [0-9a-f.:]+ \d{1,5} typ host$/.test(candidate),
      'has a candidate that is no UDP host candidate',
    )
  }
  check(
    !has(section.lines, 'candidate') || has(section.lines, 'end-of-candidates'),
    'does not end its candidates',
  )
}

function checkSimulcast(offered: Section, section: Section, check: Check): void {
  const [asked] = values(offered.lines, 'simulcast')
  const [given] = values(section.lines, 'simulcast')
  const rids = values(section.lines, 'rid').map((line) => line.split(' ').slice(0, 2).join(' '))
  check((asked === undefined) === (given === undefined), 'differs in whether there is simulcast')
  if (asked === undefined || given === undefined) {
    check(rids.length === 0, 'has rids without simulcast')
    return
  }
  const streams = (text: string, word: string) => text.replace(`${word} `, '').split(';')
  check(streams(given, 'recv').join() === streams(asked, 'send').join(), 'has other simulcast streams')
  check(
    rids.join() ===
      streams(given, 'recv')
        .map((rid) => `${rid} recv`)
        .join(),
    'has other rids than simulcast streams',
  )
}

function checkSources(answer: Description, section: Section, check: Check): void {
  const sending = sends(direction(answer, section))
  check(
    has(section.lines, 'msid') === sending && has(section.lines, 'ssrc') === sending,
    'names sources though it does not send',
  )
  if (!sending) return
  const streams = new Set(
    answer.sections.flatMap((other) => values(other.lines, 'msid').map((value) => value.split(' ')[0])),
  )
  check(streams.size === 1, 'has tracks of several streams')
  const ssrcs = new Set(values(section.lines, 'ssrc').map((value) => value.split(' ')[0]))
  const grouped = values(section.lines, 'ssrc-group').flatMap((value) => value.split(' ').slice(1))
  const rtx = section.formats.some((format) => encoding(section, format)?.startsWith('rtx/'))
  check(
    grouped.length === (rtx ? 2 : 0) && ssrcs.size === (rtx ? 2 : 1),
    'has not one SSRC for media and one for RTX',
  )
  check(
    grouped.every((ssrc) => ssrcs.has(ssrc)),
    'groups SSRCs that it does not name',
  )
}

function checkBundle(
  offer: Description,
  answer: Description,
  accepted: readonly Section[],
  check: Check,
): void {
  const asked = bundle(offer)
  const given = bundle(answer)
  const mids = accepted.map((section) => values(section.lines, 'mid')[0] ?? '')
  check(isSubsequence(given, asked), 'bundles other m-sections, or in another order')
  if (asked.length > 0)
    check(
      mids.every((mid) => given.includes(mid)),
      'accepts an m-section outside of the bundle',
    )
  const tagged =
    given.length === 0
      ? accepted[0]
      : accepted.find((section) => values(section.lines, 'mid')[0] === given[0])
  check(
    tagged !== undefined && has(tagged.lines, 'candidate'),
    'has no candidates where the bundle is tagged',
  )
  const offered = offer.sections.find((section) => values(section.lines, 'mid')[0] === given[0])
  if (given.length > 0) check(offered?.port !== 0, 'is tagged by an m-section without a port')
  for (const name of ['ice-ufrag', 'ice-pwd', 'fingerprint', 'setup']) {
    check(
      new Set(accepted.map((section) => values(section.lines, name)[0])).size === 1,
      `differs in ${name} within the bundle`,
    )
  }
}
