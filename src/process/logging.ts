import { tmpdir } from 'node:os'
import { logLevels, type LogLevel } from '../log/level.ts'
import type { Logging } from '../log/logger.ts'
import type { Settings } from './settings.ts'

const isLevel = (word: string | undefined): word is LogLevel => (logLevels as readonly (string | undefined)[]).includes(word)

/** What the command line and the environment say wins over the configuration, also when that changes. */
export function logLevelsOf ({ logLevel }: Settings['options'], { env, config: { logging } }: Settings['loaded']): { level: LogLevel, consoleLevel: LogLevel } {
  const named = [logLevel, env.OPENCLAW_LOG_LEVEL?.trim().toLowerCase()].find(isLevel)
  return { level: named ?? logging.level, consoleLevel: named ?? logging.consoleLevel ?? 'info' }
}

/** The log of one life of the gateway. Loaded late: a start that is refused says so on stderr and needs none. */
export async function openLogging ({ options, paths, loaded }: Settings, credentials: () => ReadonlyArray<Settings['auth']>): Promise<Logging> {
  const [{ createLogging }, { defaultLogFile }] = await Promise.all([import('../log/logger.ts'), import('../log/default-log-file.ts')])
  const { logging } = loaded.config
  const fromEnvironment = loaded.env.OPENCLAW_LOG_LEVEL?.trim().toLowerCase() || undefined
  const opened = createLogging({
    ...logLevelsOf(options, loaded),
    consoleStyle: logging.consoleStyle,
    file: logging.file ?? defaultLogFile({ profile: paths.profile, now: Date.now, tmpdir: tmpdir(), uid: process.getuid?.() }),
    maxFileBytes: logging.maxFileBytes,
    maxTotalBytes: logging.maxTotalBytes,
    redactPatterns: logging.redactPatterns,
    secrets: () => credentials().flatMap(({ token, password }) => [token, password]).filter(secret => secret !== undefined),
    now: Date.now,
    stdout: options.stdout,
    stderr: options.stderr,
    isTty: options.stdout.isTTY === true,
    verbose: options.verbose,
    env: options.env
  })
  if (fromEnvironment !== undefined && !isLevel(fromEnvironment)) {
    opened.child('gateway').warn(`OPENCLAW_LOG_LEVEL is none of ${logLevels.join(', ')}; it is ignored`)
  }
  return opened
}
