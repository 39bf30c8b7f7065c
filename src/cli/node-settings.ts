/** What `node run` remembers for the next time, and where its identity and tokens lie. */
import { join } from 'node:path'
import { readIfPresent, writePrivateFile } from '../lib/private-file.ts'
import { CommandFailure } from './failure.ts'

export interface NodeSettings {
  readonly displayName?: string
  /** Nothing but these commands is offered. */
  readonly commands?: readonly string[]
}

export const nodePaths = (stateDir: string) => {
  const directory = join(stateDir, 'node-host')
  return {
    directory,
    settings: join(directory, 'node.json'),
    skills: join(stateDir, 'skills'),
    identity: join(stateDir, 'identity', 'node.json'),
    tokens: join(stateDir, 'identity', 'node-auth.json')
  }
}

export async function readNodeSettings (file: string): Promise<NodeSettings> {
  const text = await readIfPresent(file)
  if (text === undefined) return {}
  try {
    const { displayName, commands } = JSON.parse(text) as { displayName?: unknown, commands?: unknown }
    return {
      ...(typeof displayName === 'string' ? { displayName } : {}),
      ...(Array.isArray(commands) ? { commands: commands.map(String) } : {})
    }
  } catch {
    throw new CommandFailure(`${file} cannot be read: it is not JSON. Mend it, or delete it to offer everything again.`)
  }
}

export const writeNodeSettings = (file: string, settings: NodeSettings): Promise<void> =>
  writePrivateFile(file, `${JSON.stringify(settings, null, 2)}\n`)
