/** A new agent finds a workspace with its name in it. */
import { join } from 'node:path'
import { createPrivateFile, ensurePrivateDirectory } from '../../lib/private-file.ts'
import type { AgentProfile } from './roster.ts'

/** What is there already stays as it is. */
export async function furnish ({ id, name, identity, workspace }: AgentProfile, skipFiles: boolean): Promise<void> {
  await ensurePrivateDirectory(workspace)
  if (skipFiles) return
  const lines = [`# ${name ?? id}`, '', `- Name: ${identity.name ?? name ?? id}`, ...(identity.emoji ? [`- Emoji: ${identity.emoji}`] : [])]
  await createPrivateFile(join(workspace, 'IDENTITY.md'), `${lines.join('\n')}\n`)
}
