/** Says in one line why the gateway could not start and what to do about it. */

/** `message` is all that a user needs; the cause is for the debug log. */
export class StartError extends Error {
  override readonly name = 'StartError'
}

export interface ListenAttempt {
  readonly protocol: 'TCP' | 'UDP'
  /** As in '127.0.0.1:8080' or 'port 8080'. */
  readonly where: string
  /** The flag that changes it. */
  readonly flag: string
}

export function listenError(error: unknown, { protocol, where, flag }: ListenAttempt): StartError {
  const message = (reason: string) =>
    new StartError(`cannot listen on ${protocol} ${where}: ${reason}`, { cause: error })
  switch (errorCode(error) ?? '') {
    case 'EADDRINUSE':
      return message(`another program uses it. Stop that one, or choose another with ${flag}`)
    case 'EACCES':
    case 'EPERM':
      return message(`not permitted. Choose a port above 1023 with ${flag}, or grant CAP_NET_BIND_SERVICE`)
    case 'EADDRNOTAVAIL':
      return message(`no interface of this machine has that address. Choose one that it has with ${flag}`)
    case 'EAFNOSUPPORT':
      return message(`this machine lacks that address family. Choose another address with ${flag}`)
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return message(`the host name cannot be resolved. Give an IP address with ${flag}`)
    default:
      return message(error instanceof Error ? error.message : String(error))
  }
}

export const isAddressInUse = (error: unknown): boolean => errorCode(error) === 'EADDRINUSE'

/** The system's code; errors that came from another thread may have it in their text only. */
function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if ('code' in error && typeof error.code === 'string' && /^E[A-Z_]+$/.test(error.code)) return error.code
  return /\bE(?:ADDRINUSE|ACCES|PERM|ADDRNOTAVAIL|AFNOSUPPORT)\b/.exec(error.message)?.[0]
}
