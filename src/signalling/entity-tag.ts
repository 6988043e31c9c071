/** Strong entity tags of ICE sessions and the If-Match field (RFC 9110 sections 8.8.3 and 13.1.1). */

/** The tag of the ICE session with this ufrag: no two that a session ever had are the same. */
export const entityTagOf = (ufrag: string): string => `"${ufrag}"`

/**
 * Whether an If-Match field names `current`. RFC 9725's own examples put the asterisk in quotes, and clients have followed them; others leave out the quotes
 * of a tag. A weak tag never matches.
 */
export function matchesEntityTag(ifMatch: string, current: string): boolean {
  const bare = current.slice(1, -1)
  return ifMatch
    .split(',')
    .map((part) => part.trim())
    .some((part) => part === '*' || part === '"*"' || part === current || part === bare)
}
