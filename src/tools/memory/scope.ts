/** Whose memory, where it lies, and what of it this conversation may hear. */
import { join } from 'node:path'
import type { LoadedConfig } from '../../config/load.ts'
import { GatewayError } from '../../protocol/errors.ts'
import { isAgentId, isPrivate, parseKey } from '../../sessions/keys.ts'
import { FileFailure } from '../files/failure.ts'
import type { Files, Session } from '../files/files.ts'
import { admit, type FileView } from '../files/view.ts'
import type { IndexPlace } from './index/database.ts'
import { memorySettings, type MemorySettings } from './settings.ts'

export interface Scope {
  readonly agentId: string
  readonly settings: MemorySettings
  readonly place: IndexPlace
  /** Of the workspace alone. */
  readonly view: FileView
}

export interface ScopeSources {
  readonly config: () => LoadedConfig
  readonly files: Files
  readonly stateDir: string
}

export const indexFile = (stateDir: string, agentId: string): string => join(stateDir, 'memory', `${agentId}.sqlite`)

export async function scopeOf ({ config, files, stateDir }: ScopeSources, agentId: string): Promise<Scope> {
  const id = agentId.toLowerCase()
  // It becomes the name of a file.
  if (!isAgentId(id)) throw new GatewayError('AGENT_UNKNOWN', { details: { agentId: id.slice(0, 64) } })
  const settings = memorySettings(config(), id)
  const { tokenizer, chunking } = settings
  return { agentId: id, settings, place: { file: indexFile(stateDir, id), tokenizer, chunking }, view: await files.workspace(id) }
}

/** A session in a sandbox hears of no more than it could read there. */
export async function seesWorkspace (files: Files, session: Session, { view: own }: Pick<Scope, 'view'>): Promise<boolean> {
  const view = await files.view(session)
  try {
    admit(view, 'memory', own.roots[0]!.source, 'read')
    return true
  } catch (error) {
    if (error instanceof FileFailure) return false
    throw error
  }
}

/** What stays out of the prompt is not found there either. */
export const hidesLongTerm = (sessionKey: string): boolean => !isPrivate(parseKey(sessionKey))

/** Several people read along. */
export const isShared = (sessionKey: string): boolean => /^(?:group|channel)$/.test(parseKey(sessionKey).kind)
