/** A machine without a screen of ours that lends a gateway commands. The connection belongs to whoever made this. */
import { objectIn } from '../lib/json-object.ts'
import { createApprovalsDocument, type ApprovalsFile } from '../tools/approvals/document.ts'
import { environmentFor, type Environment } from '../tools/exec/environment.ts'
import { createSpawner } from '../tools/exec/spawner/spawner.ts'
import type { Store } from '../store/store.ts'
import { isGatewayError } from '../protocol/errors.ts'
import { CommandFailure, invalid, type Fields } from './command-failure.ts'
import { canNotify, listFolder, machineStats, notify, whereAre } from './machine.ts'
import { prepareProgram, runProgram, type RunContext, type RunSources } from './run.ts'
import { readOwnSkills, type OwnSkill, type SkillPlace } from './skills.ts'

export interface NodeHostOptions {
  /** Of this machine alone: what its owner allows is kept there. */
  readonly store: Store
  readonly homeDir: string
  readonly environment: Environment
  /** Nothing but these is offered. Absent: everything this machine can do. */
  readonly only?: readonly string[]
  readonly skills: SkillPlace & { readonly areOffered: boolean }
  readonly now: () => number
}

export interface NodeAnswer {
  readonly ok: boolean
  readonly payload?: Fields
  readonly error?: { readonly code: string, readonly message: string }
}

export interface NodeHost {
  readonly caps: readonly string[]
  readonly commands: readonly string[]
  /** Never rejects. */
  handle (command: string, paramsJSON: string | undefined, context: RunContext): Promise<NodeAnswer>
  stats (): Promise<Fields>
  /** Those that whoever may run programs here is told of. */
  skills (): Promise<readonly OwnSkill[]>
  close (): Promise<void>
}

type Handler = (params: Fields, context: RunContext) => Promise<Fields>

function paramsOf (paramsJSON: string | undefined): Fields {
  const params = paramsJSON ? objectIn(paramsJSON) : {}
  if (!params) throw invalid('the params are not a JSON object')
  return params
}

function failureOf (error: unknown): NonNullable<NodeAnswer['error']> {
  if (error instanceof CommandFailure) return { code: error.code, message: error.message }
  if (isGatewayError(error)) return { code: error.code, message: error.message }
  return { code: 'UNAVAILABLE', message: error instanceof Error ? error.message : String(error) }
}

export async function createNodeHost ({ store, homeDir, environment, only, skills, now }: NodeHostOptions): Promise<NodeHost> {
  const document = createApprovalsDocument(store, now)
  const env = environmentFor(environment)
  const searchPath = env['PATH']!
  const spawner = createSpawner({ env })
  const sources: RunSources = { document, spawner, environment, homeDir, skills, now }

  const all: { readonly [command: string]: Handler } = {
    'system.run': (params, context) => runProgram(params, context, sources),
    'system.run.prepare': params => prepareProgram(params, sources),
    'system.which': params => whereAre(params, searchPath),
    'system.execApprovals.get': async () => ({ ...await document.read() }),
    'system.execApprovals.set': async ({ file, baseHash }) =>
      ({ ...await document.replace(file as ApprovalsFile, typeof baseHash === 'string' ? baseHash : undefined) }),
    'fs.listDir': params => listFolder(params, homeDir),
    ...(await canNotify(searchPath) ? { 'system.notify': notify } : {})
  }
  const commands = Object.keys(all).filter(command => !only || only.includes(command))

  return {
    caps: commands.length > 0 ? ['system'] : [],
    commands,
    async handle (command, paramsJSON, context) {
      try {
        if (!commands.includes(command)) throw new CommandFailure('UNKNOWN_COMMAND', `this node does not offer ${command}`)
        return { ok: true, payload: await all[command]!(paramsOf(paramsJSON), context) }
      } catch (error) {
        return { ok: false, error: failureOf(error) }
      }
    },
    stats: () => machineStats(homeDir),
    skills: async () => skills.areOffered && !only && commands.includes('system.run') ? await readOwnSkills(skills.directory) : [],
    close: () => spawner.close()
  }
}
