/** Commands of an agent without a gateway around them: real processes, a real workspace. */
import { mkdir, readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { loadConfig } from '../../../src/config/load.ts'
import { resolvePaths } from '../../../src/config/paths.ts'
import { createRedactor } from '../../../src/lib/redact.ts'
import type { Consents } from '../../../src/tools/exec/consent.ts'
import { createHostLauncher } from '../../../src/tools/exec/launch.ts'
import { createExecRoom, type ExecArgs, type ExecRoom } from '../../../src/tools/exec/room.ts'
import type { ExitNotice } from '../../../src/tools/exec/sources.ts'
import type { ToolContext, ToolResult } from '../../../src/tools/tool.ts'
import { ownDirectory } from '../../fixtures/own-directory.ts'

interface Test {
  testdir (): string
  teardown (fn: () => unknown): void
}

export interface Desk {
  readonly room: ExecRoom
  readonly workspace: string
  readonly notices: ExitNotice[]
  exec (args: ExecArgs, context?: Partial<ToolContext>): Promise<ToolResult>
  process (args: Parameters<ExecRoom['process']>[0], context?: Partial<ToolContext>): Promise<ToolResult>
}

export interface DeskOptions {
  readonly exec?: { [key: string]: unknown }
  readonly environment?: { [name: string]: string }
  readonly secrets?: string[]
  readonly consents?: Partial<Consents>
}

const nobody: Consents = {
  rulesFor: async () => ({ words: {}, rules: [] }),
  ask: async () => ({ kind: 'nobody', id: 'none' })
}

export async function execDesk (t: Test, options: DeskOptions = {}): Promise<Desk> {
  const workspace = join(ownDirectory(t), 'workspace')
  await mkdir(workspace, { recursive: true })
  const env = { HOME: join(workspace, '..') }
  const loaded = await loadConfig({ paths: resolvePaths({ env }), env, text: JSON.stringify({ tools: { exec: options.exec ?? {} } }) })
  const notices: ExitNotice[] = []
  const room = createExecRoom({
    config: () => loaded,
    workspaceOf: () => workspace,
    homeDir: env.HOME,
    environment: { PATH: process.env['PATH'], HOME: env.HOME, ...options.environment },
    launcherFor: async () => createHostLauncher(),
    consents: { ...nobody, ...options.consents },
    redact: createRedactor({ secrets: () => options.secrets ?? [] }).redactText,
    notify: notice => notices.push(notice),
    nodes: () => { throw new Error('there are no nodes here') },
    now: Date.now
  })
  t.teardown(() => room.close())
  const context = (more: Partial<ToolContext> = {}): ToolContext => ({
    sessionKey: 'agent:main:main', agentId: 'main', callId: 'call', signal: new AbortController().signal, update: () => {}, ...more
  })
  return {
    room, workspace, notices, exec: (args, more) => room.run(args, context(more)), process: (args, more) => room.process(args, context(more))
  }
}

export const textOf = ({ content }: ToolResult): string => content.map(part => part.type === 'text' ? part.text : '').join('')
export const detailsOf = ({ details }: ToolResult): { [field: string]: any } => details as { [field: string]: any }

/** Living processes whose command line has this word. */
export async function processesWith (word: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name)).map(Number)
  const lines = await Promise.all(pids.map(async pid => [pid, await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')] as const))
  return lines.filter(([, line]) => line.includes(word)).map(([pid]) => pid)
}

export async function until (what: () => Promise<boolean> | boolean, timeoutMs = 10_000): Promise<boolean> {
  for (const deadline = Date.now() + timeoutMs; Date.now() < deadline;) {
    if (await what()) return true
    await new Promise(resolve => { setTimeout(resolve, 20) })
  }
  return false
}
