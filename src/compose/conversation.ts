import { randomUUID } from 'node:crypto'
import type { RunContext } from '../agent/context.ts'
import { createShortening, createSummarise } from '../agent/shortening.ts'
import { createImages, withPreparedImages } from '../agent/images.ts'
import { createOutgoing, type Outgoing } from '../agent/outgoing.ts'
import { createPrompting } from '../agent/prompt/prompt.ts'
import type { Runs } from '../agent/room.ts'
import { createRuns } from '../agent/runs.ts'
import { createRoster, type Roster } from '../agent/roster/roster.ts'
import { createRuntimes, type Runtimes } from '../agent/runtimes.ts'
import type { Outbox } from '../channels/replies/reply.ts'
import type { AgentFacts } from '../host/health.ts'
import { agentEntries } from '../config/agent-entries.ts'
import type { LiveConfig } from '../config/live-config.ts'
import type { Paths } from '../config/paths.ts'
import type { Keys } from '../auth/keys/room.ts'
import type { EventBus } from '../events/bus.ts'
import type { Outbound } from '../lib/outbound/outbound.ts'
import type { Logger, Logging } from '../log/logger.ts'
import type { Models, ProviderKind } from '../providers/model.ts'
import { createModels } from '../providers/models.ts'
import { builtinKinds } from '../providers/builtin/kinds.ts'
import { createSessions, type SessionsRoom } from '../sessions/sessions.ts'
import type { Store } from '../store/store.ts'
import { composeCommands, type Commands, type CommandsOptions } from './commands.ts'
import { createIdempotencyCache } from '../rpc/idempotency.ts'
import type { ExitNotice } from '../tools/exec/sources.ts'
import type { Files } from '../tools/files/files.ts'
import type { Once } from '../tools/invoke.ts'
import type { AutomationPort } from '../tools/automation/port.ts'
import type { NodesPort } from '../tools/nodes/port.ts'
import { createMemory, type Memory } from '../tools/memory/memory.ts'
import type { MessageSources } from '../tools/messages/port.ts'
import { createTools, type ToolsRoom } from '../tools/tools.ts'
import { composeFiles } from './files.ts'
import { composeNodeSkills } from './node-port.ts'
import { composeWeb } from './web.ts'
import type { WorkWatch } from './watch/runs.ts'
import { composeSessionTools, recoverWith } from './session-tools.ts'

export interface ConversationOptions extends Pick<CommandsOptions, 'env' | 'hasApprover' | 'isStopping'> {
  readonly live: LiveConfig
  readonly paths: Pick<Paths, 'stateDir' | 'homeDir' | 'workspaceDir'>
  readonly agents: () => readonly AgentFacts[]
  readonly store: Store
  readonly events: EventBus
  readonly logging: Logging
  readonly version: string
  /** Loaded with the first use of an API key. */
  readonly keys: () => Promise<Keys>
  readonly archiveDir: string
  readonly now: () => number
  readonly steady: () => number
  /** Everything beside replies that goes there. */
  readonly messages: MessageSources['messages']
  /** Replies that go to chats of services. */
  readonly outbox: Outbox
  /** Built over the conversation, and asked for when a tool is used. */
  readonly automation: () => AutomationPort
  readonly nodes: () => NodesPort
  readonly watch: WorkWatch
  readonly expectRoom: () => void
  /** Undefined when the connection is gone. */
  readonly capsOf: (connectionId: string) => ReadonlySet<string> | undefined
}

/** The rooms in which a conversation happens: sessions, models, tools, and the runs that bring them together. */
export interface Conversation {
  readonly sessions: SessionsRoom
  readonly models: Models
  /** Wire formats by `api`; more may come while the gateway runs. */
  readonly kinds: Map<string, ProviderKind>
  readonly runs: Runs
  readonly runtimes: Runtimes
  readonly tools: ToolsRoom
  readonly memory: Memory
  readonly commands: Commands
  readonly roster: Roster
  /** The last look at what agents say; functions may be added to it. */
  readonly outgoing: Outgoing
  readonly files: Files
  /** The one way to addresses that somebody else chose. */
  readonly outbound: Outbound
  /** What belongs to a connection goes with it. */
  connectionEnded (connectionId: string): void
  close (): Promise<void>
}

function createEmit (events: EventBus, sessions: SessionsRoom, capsOf: ConversationOptions['capsOf']): RunContext['emit'] {
  return (event, payload, options) => {
    if (event !== 'session.tool') return events.emit(event, payload, options)
    // Whoever takes the agent's own tool events has heard of it already.
    const connectionIds = sessions.subscribers.ofMessages(options.sessionKey).filter(id => capsOf(id)?.has('tool-events') === false)
    if (connectionIds.length > 0) events.emit(event, payload, { connectionIds })
  }
}

function modelOf (models: Models) {
  return (agentId: string, chosen: { provider?: string, model?: string }) => {
    const { model } = models.route(agentId, chosen.model === undefined && chosen.provider === undefined ? undefined : chosen)
    return { provider: model.provider, model: model.id, contextTokens: model.contextWindow }
  }
}

/** A command has ended behind the back of its session: the agent hears of it like of a message, when it is free. */
function tellSession ({ agentId, sessionKey, sessionId, text }: ExitNotice, runs: Runs, log: Logger): void {
  runs.start({
    caller: { principal: 'gateway' },
    via: 'exec',
    idempotencyKey: `exec-${sessionId}-${randomUUID()}`,
    sessionKey,
    agentId,
    message: `[Exec completion] ${text}`,
    queueMode: 'followup',
    origin: { source: 'exec', sessionId }
  }).catch((err: unknown) => log.warn({ err, sessionKey }, 'a session could not be told that a command has ended'))
}

/** Loaded with the first call that needs it; what could not be read is tried again by the next. */
function keptCalls ({ store, now, log }: Pick<ConversationOptions, 'store' | 'now'> & { log: Logger }): () => Promise<Once> {
  let kept: Promise<Once> | undefined
  const load = async (): Promise<Once> =>
    await (await import('../tools/kept-calls.ts')).createKeptCalls({ calls: store.collection('idempotency'), now, log })
  return () => {
    kept ??= load().catch((error: unknown) => {
      kept = undefined
      throw error
    })
    return kept
  }
}

export function composeConversation (options: ConversationOptions): Conversation {
  const { live, agents, store, events, logging, version, now, capsOf } = options
  const config = live.current
  const log = logging.child('agent')
  const kinds = new Map(builtinKinds())
  const models = options.watch.models(createModels({ config, now, log: logging.child('models'), kinds }))
  const routed = modelOf(models)
  const sessions = createSessions({
    store,
    config,
    agents,
    emit: (event, payload, to) => events.emit(event, payload, to),
    now,
    log: logging.child('sessions'),
    archiveDir: options.archiveDir,
    summarise: createSummarise(models, now),
    pickModel (name) {
      const model = models.find(name)
      return model && { provider: model.provider, model: model.id }
    },
    modelOf: routed
  })
  const sessionTools = composeSessionTools({
    version, now, config, sessions, models, agents, redact: logging.redactor.redactText, log: logging.child('tools')
  }, { runs: () => runs, tools: () => tools })
  const { files, sandbox } = composeFiles({ config, paths: options.paths, now })
  const commands = composeCommands({
    ...options, config, launcherFor: sandbox.launcherFor, conversation: sessions.get, notify: notice => tellSession(notice, runs, log)
  })
  const nodeSkills = composeNodeSkills({ nodes: options.nodes, exec: commands.exec })
  const images = createImages({ maxPx: () => config().config.agents.defaults.imageMaxDimensionPx, log })
  const { web, media } = composeWeb({ config, now, models, files, images })
  const memory = createMemory({ config, files, models, stateDir: options.paths.stateDir, now, log: logging.child('memory') })
  const unwatched = createTools({
    exec: commands.exec,
    files,
    web,
    media,
    memory,
    automation: options.automation,
    nodes: options.nodes,
    nodeSkills,
    messages: options.messages,
    mcp: { env: options.env, version, now, log: logging.child('mcp'), redact: logging.redactor.redactText },
    ...sessionTools,
    config,
    log: logging.child('tools'),
    once: createIdempotencyCache({ now: options.steady }),
    kept: keptCalls({ store, now, log: logging.child('tools') }),
    target: (sessionKey, agentId, caller) => sessions.as(caller).target(sessionKey, agentId),
    modelOf (agentId) {
      const { provider, model } = routed(agentId, {})
      return `${provider}/${model}`
    },
    record: key => sessions.get(key)
  })
  const tools: ToolsRoom = { ...unwatched, invoke: options.watch.invoke(unwatched.invoke) }
  // What a server was started with is not what it is to be any more.
  live.onChange(() => { tools.mcp.reconcile().catch((err: unknown) => log.warn({ err }, 'MCP servers could not be changed')) })
  const runtimes = createRuntimes({
    isExternal: agentId => agentEntries(config().config).find(({ id }) => id.toLowerCase() === agentId)?.runtime === 'external',
    now,
    send (connectionId, event, payload) {
      if (!capsOf(connectionId)) return false
      events.emit(event, payload, { connectionIds: [connectionId] })
      return true
    }
  })
  const outgoing = createOutgoing({ config, log })
  const prompting = createPrompting({ config, paths: options.paths, now, log, nodeSkills })
  const runs: Runs = withPreparedImages(createRuns({
    store,
    keys: options.keys,
    sessions,
    models,
    tools: { ...tools, isStillAsking: call => commands.approvals.isOpen(call) },
    prompting,
    outgoing,
    outbox: options.outbox,
    shorten: createShortening(sessions.compaction),
    config,
    now,
    log,
    external: runtimes,
    watch: options.watch.run,
    expectRoom: options.expectRoom,
    emit: createEmit(events, sessions, capsOf)
  }), images)
  return {
    sessions,
    models,
    kinds,
    runs: recoverWith(runs, sessionTools),
    runtimes,
    tools,
    memory,
    commands,
    outgoing,
    roster: createRoster({ live, paths: options.paths, sessions, runs, now }),
    files,
    outbound: web.outbound,
    connectionEnded (connectionId) {
      sessions.subscribers.forget(connectionId)
      runtimes.gone(connectionId)
    },
    async close () {
      await prompting.close()
      await sessionTools.spawns.close()
      await commands.close()
      await tools.mcp.close()
      await memory.close()
      await sandbox.close()
      await sessions.close()
      await models.close()
      await web.close()
      await images.close()
    }
  }
}
