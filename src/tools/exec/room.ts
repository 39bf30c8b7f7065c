/** Commands of agents: asked about, started, watched, ended. */
import { mkdir, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { meantNodes, type Nameable } from '../../lib/meant-nodes.ts'
import { isSandboxed } from '../circumstances.ts'
import { ToolRefusal } from '../invocation.ts'
import type { Foreseen, ToolContext, ToolResult } from '../tool.ts'
import { createBackground } from './background.ts'
import { consentProblem, foreseeConsent, type Question } from './consent.ts'
import { environmentFor, overrideProblem } from './environment.ts'
import type { Launcher } from './launch.ts'
import { placeProblem, realPlace, realPlaces } from './places.ts'
import { conversationWords } from './conversation-words.ts'
import { effectivePolicy } from './exec-policy.ts'
import { createProcessActions, type ProcessArgs } from './process-actions.ts'
import { backgroundResult, endedResult, failure, said, tailOf } from './results.ts'
import { startCommand, type RunningCommand } from './running-command.ts'
import { execSettings, inConversation, type ExecSettings } from './settings.ts'
import type { CommandPlace, ExecSources } from './sources.ts'
import { createSpawner } from './spawner/spawner.ts'

export interface ExecArgs {
  readonly command: string
  readonly workdir?: string
  readonly env?: { readonly [name: string]: string }
  readonly yieldMs?: number
  readonly background?: boolean
  readonly timeoutSeconds?: number
  readonly timeout?: number
  readonly noOutputTimeoutMs?: number
  readonly host?: ExecSettings['host']
  /** For host "node": its id or name. */
  readonly node?: string
  readonly ask?: string
  readonly security?: string
  readonly elevated?: boolean
}

export interface ExecRoom {
  run (args: ExecArgs, context: ToolContext): Promise<ToolResult>
  foresee (args: ExecArgs, context: ToolContext): Promise<Foreseen>
  process (args: ProcessArgs, context: ToolContext): Promise<ToolResult>
  /** Of these nodes, those that commands of this conversation may run on. */
  nodesFor<Node extends Nameable> (place: CommandPlace, nodes: readonly Node[]): readonly Node[]
  close (): Promise<void>
}

/** Commands at work at the same time, of all agents. */
const maxRunning = 64
const tooMany = `exec was refused: ${maxRunning} commands are running already. Wait for one, or end one with process kill.`
const notACommand = 'exec: command must be a command line without NUL. Correct it and call it again.'
const updateEveryMs = 1000
const longestTimerMs = 2_147_483_647

/** A place for the command: the workspace, or another one that it may be in. */
async function workingDirectory (args: ExecArgs, { places }: ExecSettings): Promise<{ cwd: string } | { problem: string }> {
  const real = await realPlaces(places)
  const cwd = await realPlace(resolve(real.workspace, args.workdir ?? '.'))
  const problem = placeProblem(cwd, real, true)
  if (problem) return { problem: `exec was refused: the working directory ${problem}.` }
  const isDirectory = cwd === real.workspace || await stat(cwd).then(found => found.isDirectory(), () => false)
  return isDirectory ? { cwd } : { problem: `exec was refused: ${cwd} is not a directory.` }
}

/** What a call asks for, else what the configuration says. */
const wantedHost = (asked: ExecSettings['host'] | undefined, { host }: ExecSettings): ExecSettings['host'] =>
  asked === undefined || asked === 'auto' ? host : asked

const notAHost = 'exec was refused: execHost of this conversation names no place that there is. Somebody has to set it anew (sessions.patch).'
const wherever = '(tools.exec.host, or execHost of the conversation)'

function hostProblem (asked: ExecSettings['host'] | undefined, settings: ExecSettings, kind: Launcher['kind']): string | undefined {
  const { host } = settings
  if (host === 'nowhere') return notAHost
  const wanted = wantedHost(asked, settings)
  if (wanted === 'node') {
    if (host === 'node' || (host === 'auto' && kind === 'host')) return undefined
    return `exec was refused: commands of this session stay where they are ${wherever}.`
  }
  if (host === 'node') return `exec was refused: commands of this session run on a node ${wherever}; leave host out.`
  if (wanted === 'sandbox' && kind === 'host') return 'exec was refused: this session has no sandbox (agents.defaults.sandbox.mode).'
  if (asked === 'gateway' && host !== 'gateway' && kind === 'sandbox') return 'exec was refused: this session stays in its sandbox.'
  return undefined
}

/** Settles with the end, or with nothing once it has taken so long. */
function within (running: RunningCommand, ms: number): Promise<RunningCommand['end']> {
  if (ms <= 0) return Promise.resolve(running.end)
  return new Promise(resolve => {
    const timer = setTimeout(resolve, ms, undefined)
    running.ended.then(end => {
      clearTimeout(timer)
      resolve(end)
    })
  })
}

interface Prepared {
  readonly question: Question
  readonly launcher: Launcher
}

/** What no command can be. */
function refuseArgs ({ command, env }: ExecArgs): void {
  if (command.trim() === '' || command.includes('\0')) throw new ToolRefusal(notACommand)
  const wrongEnv = env && overrideProblem(env)
  if (wrongEnv) throw new ToolRefusal(`exec: ${wrongEnv}. Leave it out and call it again.`)
}

export function createExecRoom (sources: ExecSources): ExecRoom {
  const { config, environment, redact, now } = sources
  const background = createBackground({ now, keepMs: () => config().config.tools.exec.cleanupMs })
  const running = new Set<RunningCommand>()
  const spawner = createSpawner({ env: environmentFor(environment) })
  let isClosed = false

  async function prepare (args: ExecArgs, context: ToolContext, settings: ExecSettings): Promise<Prepared | { problem: string }> {
    const { agentId, sessionKey, runId, callId, signal, from } = context
    const launcher = await sources.launcherFor({ agentId, sessionKey, isElevated: args.elevated === true, ...(from ? { from } : {}) })
    const wrongHost = hostProblem(args.host, settings, launcher.kind)
    if (wrongHost) return { problem: wrongHost }
    const directory = await workingDirectory(args, settings)
    if ('problem' in directory) return directory
    const question = {
      command: args.command,
      cwd: directory.cwd,
      agentId,
      sessionKey,
      ...(runId === undefined ? {} : { runId }),
      callId,
      host: launcher.kind === 'sandbox' ? 'sandbox' as const : 'gateway' as const,
      searchPath: environmentFor(environment)['PATH']!,
      settings,
      words: { ...(args.ask ? { ask: args.ask } : {}), ...(args.security ? { security: args.security } : {}) },
      signal
    }
    return { question, launcher }
  }

  function settingsFor ({ agentId, sessionKey }: Pick<ToolContext, 'agentId' | 'sessionKey'>): ExecSettings {
    const settings = execSettings(config().config, agentId, sources.workspaceOf(agentId), sources.homeDir)
    return inConversation(settings, conversationWords(sessionKey, sources.conversation))
  }

  /** What a call says of time wins over the configuration. */
  function timeoutOf ({ timeoutSeconds, timeout }: ExecArgs, { timeoutMs }: ExecSettings): number {
    const asked = timeoutSeconds ?? timeout
    return Math.min(longestTimerMs, asked === undefined ? timeoutMs : asked * 1000)
  }

  /** Nothing of this machine is looked at for it. */
  async function onNode (args: ExecArgs, context: ToolContext, settings: ExecSettings): Promise<ToolResult> {
    const { agentId, sessionKey } = context
    const { kind } = await sources.launcherFor({ agentId, sessionKey })
    const problem = hostProblem(args.host, settings, kind)
    if (problem) return failure('exec', problem)
    const { runOnNode } = await import('./on-node.ts')
    return await runOnNode({ args, settings, context, timeoutMs: timeoutOf(args, settings) }, { ...sources, nodes: sources.nodes() })
  }

  async function start (args: ExecArgs, settings: ExecSettings, { question: { cwd }, launcher }: Prepared): Promise<RunningCommand> {
    const command = await startCommand({
      command: args.command,
      cwd,
      launcher,
      spawner,
      environment,
      ...(args.env ? { env: args.env } : {}),
      stdin: args.background ? 'pipe' : 'ignore',
      timeoutMs: timeoutOf(args, settings),
      noOutputTimeoutMs: args.noOutputTimeoutMs ?? 0,
      now
    })
    running.add(command)
    command.ended.then(() => running.delete(command))
    return command
  }

  /** Tells now and then what a command that somebody waits for has printed. */
  function reporting (command: RunningCommand, { runId, update }: ToolContext): () => void {
    if (runId === undefined) return () => {}
    let told = 0
    const timer = setInterval(() => {
      if (command.output.totalBytes === told) return
      told = command.output.totalBytes
      const tail = tailOf(command, redact)
      update(said(tail, { status: 'running', pid: command.pid, tail }))
    }, updateEveryMs)
    return () => clearInterval(timer)
  }

  function toBackground (command: RunningCommand, { agentId, sessionKey }: ToolContext, notifies: boolean): ToolResult | undefined {
    const session = background.add({ agentId, sessionKey, running: command })
    if (!session) return undefined
    command.ended.then(end => {
      if (!notifies || isClosed || session.isStopRequested) return
      const how = end.exitCode === null ? `by ${end.exitSignal ?? end.exitReason}` : `with code ${end.exitCode}`
      const title = `Background command ${session.id} (${redact(command.command).slice(0, 200)}) ended ${how}.`
      sources.notify({ agentId, sessionKey, sessionId: session.id, text: `${title}\n\n${tailOf(command, redact)}`.trimEnd() })
    })
    return backgroundResult(session, redact)
  }

  /** Waits for as long as the call wants; whoever ends the run ends the command with everything that it started. */
  async function attend (command: RunningCommand, args: ExecArgs, context: ToolContext, settings: ExecSettings): Promise<ToolResult> {
    const { signal } = context
    const end = (): void => { command.stop('aborted') }
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
    const done = reporting(command, context)
    try {
      const ended = await within(command, args.background ? 0 : args.yieldMs ?? settings.backgroundMs)
      if (ended || signal.aborted) return endedResult(command, await command.ended, redact)
      return toBackground(command, context, settings.notifyOnExit) ?? endedResult(command, await command.stop('killed'), redact)
    } finally {
      done()
      signal.removeEventListener('abort', end)
    }
  }

  return {
    async run (args, context) {
      refuseArgs(args)
      const settings = settingsFor(context)
      if (wantedHost(args.host, settings) === 'node') return await onNode(args, context, settings)
      await mkdir(settings.places.workspace, { recursive: true, mode: 0o700 })
      const prepared = await prepare(args, context, settings)
      if ('problem' in prepared) return failure('exec', prepared.problem)
      const problem = await consentProblem(sources.consents, prepared.question)
      if (problem) return failure('exec', problem)
      if (isClosed || running.size >= maxRunning) return failure('exec', tooMany)
      context.signal.throwIfAborted()
      try {
        return await attend(await start(args, settings, prepared), args, context, settings)
      } catch (error) {
        return failure('exec', `exec could not start the command: ${redact(error instanceof Error ? error.message : String(error))}`)
      }
    },
    async foresee (args, context) {
      refuseArgs(args)
      const settings = settingsFor(context)
      if (wantedHost(args.host, settings) === 'node') return { wouldRun: false, because: 'whether it may run is known by the node alone' }
      const prepared = await prepare(args, context, settings)
      if ('problem' in prepared) return { wouldRun: false, because: prepared.problem }
      return await foreseeConsent(sources.consents, prepared.question)
    },
    nodesFor (place, nodes) {
      const settings = settingsFor(place)
      const kind = isSandboxed(config().config, place.agentId, place.sessionKey) ? 'sandbox' : 'host'
      if (hostProblem('node', settings, kind) || effectivePolicy(settings.layers).security === 'deny') return []
      return settings.node ? meantNodes(nodes, settings.node) : nodes
    },
    process: createProcessActions({ background, redact, now }),
    async close () {
      isClosed = true
      await Promise.all([...running].map(command => command.stop('stopped')))
      await background.close()
      await spawner.close()
    }
  }
}
