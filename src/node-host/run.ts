/** Programs that a gateway wants run on this machine: judged here by the rules of this machine, whatever the gateway says. */
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { shellLine } from '../lib/shell-quote.ts'
import { checkCommand, type CommandCheck } from '../tools/exec/command-check.ts'
import { environmentFor, overrideProblem, type Environment } from '../tools/exec/environment.ts'
import { effectivePolicy, judge } from '../tools/exec/exec-policy.ts'
import type { Launcher } from '../tools/exec/launch.ts'
import { realPlace } from '../tools/exec/places.ts'
import { startCommand, type RunningCommand } from '../tools/exec/running-command.ts'
import type { Spawner } from '../tools/exec/spawner/spawner.ts'
import type { ApprovalsDocument } from '../tools/approvals/document.ts'
import { CommandFailure, invalid, type Fields } from './command-failure.ts'
import { placeMeant, type SkillPlace } from './skills.ts'

export interface RunSources {
  readonly document: ApprovalsDocument
  readonly spawner: Spawner
  readonly environment: Environment
  readonly homeDir: string
  readonly skills: SkillPlace
  readonly now: () => number
}

export interface RunContext {
  readonly signal: AbortSignal
  readonly progress: (chunk: string) => void
}

interface Order {
  readonly argv: readonly string[]
  /** What is judged: the line of a shell, or the words of a program. */
  readonly line: string
  readonly cwd: string
  readonly env: { readonly [name: string]: string }
  readonly timeoutMs: number
  readonly agentId: string
  readonly words: { readonly security?: string, readonly ask?: string }
  readonly isApproved: boolean
  readonly isForEver: boolean
}

const defaultTimeoutMs = 120_000
const longestTimeoutMs = 3_600_000
const maxArguments = 1024
const maxLineChars = 65_536
const progressChars = 8_000

const textOf = (value: unknown): string | undefined => typeof value === 'string' && value !== '' ? value : undefined

function readEnv (value: unknown): { readonly [name: string]: string } {
  if (value === undefined || value === null) return {}
  const problem = typeof value === 'object' ? overrideProblem(value as Fields) : 'env must be an object'
  if (problem) throw invalid(problem)
  return value as { readonly [name: string]: string }
}

async function readOrder (params: Fields, { homeDir, skills }: RunSources): Promise<Order> {
  const { command, cwd, timeoutMs } = params
  const argv = typeof command === 'string' ? ['/bin/sh', '-c', command] : command
  const isList = Array.isArray(argv) && argv.length > 0 && argv.length <= maxArguments
  if (!isList || !argv.every(word => typeof word === 'string' && !word.includes('\0')) || argv[0] === '') {
    throw invalid('command must be a list of words, the first of them a program')
  }
  const line = shellLine(argv as string[])
  if (line.length > maxLineChars) throw invalid(`the command is longer than ${maxLineChars} characters`)
  const place = await realPlace(resolve(homeDir, placeMeant(textOf(cwd) ?? '.', skills)))
  if (!await stat(place).then(found => found.isDirectory(), () => false)) throw invalid(`${place} is not a directory of this machine`)
  const asked = typeof timeoutMs === 'number' && timeoutMs > 0 ? timeoutMs : defaultTimeoutMs
  const security = textOf(params['security'])
  const ask = textOf(params['ask'])
  return {
    argv: argv as string[],
    line,
    cwd: place,
    env: readEnv(params['env']),
    timeoutMs: Math.min(asked, longestTimeoutMs),
    agentId: textOf(params['agentId']) ?? 'main',
    words: { ...(security ? { security } : {}), ...(ask ? { ask } : {}) },
    isApproved: params['approved'] === true,
    isForEver: params['approvalDecision'] === 'allow-always'
  }
}

/** Without a word of whoever is in charge of this machine nothing runs here that nobody has said yes to. */
async function permit (order: Order, { document, environment, homeDir }: RunSources): Promise<CommandCheck> {
  const { line, cwd, agentId, words, isApproved } = order
  const own = await document.rulesFor(agentId)
  const check = await checkCommand(line, {
    cwd, searchPath: environmentFor(environment)['PATH']!, rules: own.rules, places: { workspace: homeDir, allowed: undefined, denied: [] }
  })
  const policy = effectivePolicy([{ security: 'allowlist', ask: 'on-miss', ...own.words }, words])
  const verdict = judge(policy, check)
  if (verdict.kind === 'refuse') throw new CommandFailure('SYSTEM_RUN_DENIED', `SYSTEM_RUN_DENIED: ${verdict.because}`)
  if (verdict.kind === 'ask' && !isApproved) {
    throw new CommandFailure('APPROVAL_REQUIRED', `SYSTEM_RUN_DENIED: approval required (${verdict.because})`)
  }
  return check
}

/** What it prints goes to the gateway in pieces of a size that it takes. */
function reporting (running: RunningCommand, progress: RunContext['progress']): () => void {
  let told = 0
  const tell = (): void => {
    const { text, position } = running.output.since(told)
    told = position
    for (let at = 0; at < text.length; at += progressChars) progress(text.slice(at, at + progressChars))
  }
  const timer = setInterval(tell, 500)
  return () => clearInterval(timer)
}

export async function runProgram (params: Fields, { signal, progress }: RunContext, sources: RunSources): Promise<Fields> {
  const order = await readOrder(params, sources)
  const check = await permit(order, sources)
  if (order.isApproved && order.isForEver) {
    await sources.document.grant(order.agentId, check, { approvalId: String(params['runId'] ?? 'gateway'), by: 'gateway' })
  }
  const [file, ...args] = order.argv
  const launcher: Launcher = { kind: 'host', prepare: async (_line, options) => ({ program: { ...options, file: file!, args } }) }
  signal.throwIfAborted()
  const running = await startCommand({
    ...sources, launcher, command: order.line, cwd: order.cwd, env: order.env, stdin: 'ignore', timeoutMs: order.timeoutMs, noOutputTimeoutMs: 0
  }).catch((error: Error) => { throw new CommandFailure('SYSTEM_RUN_FAILED', `${file} could not be started: ${error.message}`) })
  const stop = (): void => { running.stop('aborted') }
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  const done = reporting(running, progress)
  try {
    const { exitCode, exitSignal, exitReason } = await running.ended
    const timedOut = exitReason === 'timeout'
    return {
      exitCode,
      exitSignal,
      timedOut,
      success: exitCode === 0 && !timedOut,
      // Both streams in the order in which they were printed.
      stdout: running.output.text(),
      stderr: '',
      error: timedOut ? `it ran longer than ${order.timeoutMs} ms` : null
    }
  } finally {
    done()
    signal.removeEventListener('abort', stop)
  }
}

/** What would be run, and where: for whoever asks a person first. */
export async function prepareProgram (params: Fields, sources: RunSources): Promise<Fields> {
  const { argv, line, cwd, agentId } = await readOrder(params, sources)
  return { plan: { argv, cwd, commandText: line, commandPreview: line.slice(0, 200), agentId, sessionKey: textOf(params['sessionKey']) ?? null } }
}
