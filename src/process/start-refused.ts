import { userInfo } from 'node:os'
import { resolvePaths } from '../config/paths.ts'
import { exitCodes } from '../lib/exit-codes.ts'
import type { RunOptions } from './run-options.ts'

/** Why the gateway did not start, as people read it, with the code that supervisors read. */
export class StartRefused extends Error {
  readonly exitCode: number

  constructor (exitCode: number, lines: readonly string[]) {
    super(lines.join('\n'))
    this.name = 'StartRefused'
    this.exitCode = exitCode
  }
}

export const refuse = (exitCode: number, ...lines: string[]): never => { throw new StartRefused(exitCode, lines) }

function userName (): string {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? 'this user')
  }
}

/** What people can do about a start that the operating system did not allow. Waiting helps against some of it, and against some not. */
const systemRefusals: { readonly [code: string]: { what: string, next: (stateDir: string) => string, exitCode: number } } = {
  EACCES: {
    what: 'cannot be used by this user',
    next: stateDir => `Give it to ${userName()} (chown -R ${userName()} ${stateDir}), or choose another directory with OPENCLAW_STATE_DIR.`,
    exitCode: exitCodes.configuration
  },
  EROFS: {
    what: 'lies on a file system that is read-only',
    next: () => 'Choose another directory with OPENCLAW_STATE_DIR.',
    exitCode: exitCodes.configuration
  },
  ENOTDIR: {
    what: 'is not a directory',
    next: () => 'Move that file away, or choose another directory with OPENCLAW_STATE_DIR.',
    exitCode: exitCodes.configuration
  },
  ENOSPC: {
    what: 'cannot be written: no space left on the device',
    next: () => 'Free some space there, or choose another directory with OPENCLAW_STATE_DIR.',
    exitCode: exitCodes.failed
  }
}
const sameAs: { readonly [code: string]: string } = { EPERM: 'EACCES', EEXIST: 'ENOTDIR', EDQUOT: 'ENOSPC' }

/** The file lies in the state directory, or on the way to it. A write that finds no room does not name its file; we write nowhere else. */
const concerns = ({ path, syscall }: NodeJS.ErrnoException, stateDir: string): boolean =>
  path === undefined ? syscall === 'write' || syscall === 'fsync' : path.startsWith(stateDir) || stateDir.startsWith(path)

const startFailed = (exitCode: number, text: string, next: string): StartRefused =>
  new StartRefused(exitCode, [`Gateway failed to start: ${text}`, next])

function stateDirectoryRefused (error: NodeJS.ErrnoException, stateDir: string): StartRefused | undefined {
  const { code = '', path } = error
  const row = systemRefusals[sameAs[code] ?? code]
  if (!row || !concerns(error, stateDir)) return undefined
  const named = path === undefined || path === stateDir ? '' : ` (${path})`
  return startFailed(row.exitCode, `the state directory ${stateDir}${named} ${row.what} (${code}).`, row.next(stateDir))
}

type ListenFailure = NodeJS.ErrnoException & { address?: string, port?: number }

function listenRefused ({ code, syscall, address, port }: ListenFailure): StartRefused | undefined {
  if (syscall !== 'listen') return undefined
  if (code === 'EACCES') {
    return startFailed(exitCodes.configuration, `user ${userName()} may not listen on ${address}:${port} (${code}).`,
      'Choose a port from 1024 up with --port or gateway.port.')
  }
  if (code !== 'EADDRNOTAVAIL' && code !== 'EAFNOSUPPORT' && code !== 'EINVAL') return undefined
  // The network may only not be up yet, so trying again is not useless.
  return startFailed(exitCodes.failed, `${address} is not an address of this machine (${code}).`,
    'Correct --bind, gateway.bind or gateway.customBindHost, or bring that address up first.')
}

/** Whatever ended a start, in sentences. */
export function asRefusal (error: unknown, { env, profile, dev }: RunOptions): StartRefused {
  if (error instanceof StartRefused) return error
  const failure = error as NodeJS.ErrnoException
  return listenRefused(failure as ListenFailure) ?? stateDirectoryRefused(failure, resolvePaths({ env, profile, dev }).stateDir) ??
    new StartRefused(exitCodes.failed, [`Gateway failed to start: ${failure.message}. Run openclaw gateway status --deep for diagnostics.`])
}
