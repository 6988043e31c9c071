/** The names that streams may have. */

/** Long enough for a key of 64 hexadecimal digits and a prefix; short enough for a log line. */
export const MAX_STREAM_NAME_LENGTH = 128

/** RFC 3986 section 2.3, unreserved characters: they need no escaping in a URL. */
const unreserved = /^[A-Za-z0-9._~-]+$/

/** `pattern` is a name in which each `*` stands for any characters, or for none. */
export const matchesStreamPattern = (pattern: string, name: string): boolean => {
  const [first = '', ...rest] = pattern.split('*')
  if (!name.startsWith(first)) return false
  const last = rest.pop()
  if (last === undefined) return name === pattern
  let at = first.length
  for (const part of rest) {
    const found = name.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return name.length - last.length >= at && name.endsWith(last)
}

/** '.' and '..' are no names: every client resolves them away before it sends the path. */
export const isStreamName = (text: string): boolean =>
  text.length <= MAX_STREAM_NAME_LENGTH && unreserved.test(text) && text !== '.' && text !== '..'
