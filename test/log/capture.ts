/** What the tests of the log room share: a log in a directory of its own, and what it wrote. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { createLogging } from '../../src/log/logger.ts'
import type { Logging, LoggingOptions } from '../../src/log/logger.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

export interface Captured { readonly logging: Logging, readonly directory: string, stdout: string, stderr: string, nowMs: number }

export interface FileRecord { [key: string]: unknown, 0: string, 1: unknown, 2?: string, message: string, _meta: { logLevelName: string } }

export function openLog (t: Test, options: Partial<LoggingOptions> = {}): Captured {
  const directory = ownDirectory(t)
  const captured = { directory, stdout: '', stderr: '', nowMs: Date.parse('2026-11-20T10:29:58.250Z') }
  const logging = createLogging({
    level: 'info',
    consoleLevel: 'info',
    file: join(directory, 'gateway.log'),
    maxFileBytes: 1_000_000,
    maxTotalBytes: 10_000_000,
    now: () => captured.nowMs,
    stdout: { write: (text: string) => { captured.stdout += text } },
    stderr: { write: (text: string) => { captured.stderr += text } },
    isTty: false,
    hostname: 'host.example',
    env: {},
    ...options
  })
  t.teardown(() => logging.close())
  return Object.assign(captured, { logging })
}

export const linesOf = (path: string): string[] => readFileSync(path, 'utf8').split('\n').slice(0, -1)
export const recordsOf = (path: string): FileRecord[] => linesOf(path).map(line => JSON.parse(line) as FileRecord)
export const namesIn = (directory: string): string[] => readdirSync(directory).sort()
