/** Surfaces on which programs send messages and wait for replies. What they share is loaded with the first request. */
import type { FastifyInstance } from 'fastify'
import type { AutomationRoom } from '../automation/room.ts'
import type { Environment } from '../config/environment.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { AgentFacts } from '../host/health.ts'
import type { HttpAuth } from '../http/auth-hook.ts'
import type { Logger } from '../log/logger.ts'
import { methodTable } from '../methods/index.ts'
import type { GatewayError } from '../protocol/errors.ts'
import { registerDescription } from '../routes/description/openapi.ts'
import { registerDataPlane } from '../routes/gateway/gateway.ts'
import { registerOpenAi } from '../routes/openai/openai.ts'
import type { Requests } from '../routes/requests/requests.ts'
import { registerSessions } from '../routes/sessions/sessions.ts'
import type { Store } from '../store/store.ts'
import type { Conversation } from './conversation.ts'
import { composeChannelDoor } from './channel-door.ts'
import type { LateChannels } from './channels.ts'
import { composeHookDoor, type HookDoorOptions } from './hooks.ts'

export interface ProgramsOptions {
  readonly auth: HttpAuth
  readonly config: () => LoadedConfig
  readonly agents: () => readonly AgentFacts[]
  readonly conversation: Conversation
  readonly store: Store
  readonly now: () => number
  readonly log: Logger
  readonly unavailable: () => GatewayError | undefined
  readonly env: Environment
  readonly stateDir: string
  readonly channels: LateChannels
  readonly automation: AutomationRoom
  readonly turnedAway: HookDoorOptions['turnedAway']
}

export async function registerPrograms (fastify: FastifyInstance, options: ProgramsOptions): Promise<void> {
  const { auth, config, agents, conversation, store, now, log, unavailable } = options
  const { runs, sessions, models, files, outbound } = conversation
  let loading: Promise<Requests> | undefined
  function requests (): Promise<Requests> {
    loading ??= import('../routes/requests/requests.ts').then(({ createRequests }) => createRequests({ runs, now }))
    return loading
  }
  await registerDataPlane(fastify, { auth, config, sessions, models, files, outbound: () => outbound, requests, unavailable })
  registerDescription(fastify, { auth, methods: methodTable })
  registerSessions(fastify, { auth, config, runs, sessions, requests, unavailable })
  registerOpenAi(fastify, {
    auth, config, agents, sessions, models, runs, outbound, ready: () => sessions.ready, unavailable, store, now, log
  })
  await composeHookDoor(fastify, options)
  await composeChannelDoor(fastify, options)
}
