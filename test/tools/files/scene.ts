/** A workspace on disk with the file tools of an agent that works there. */
import { mkdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { validateConfig } from '../../../src/config/validate.ts'
import { applyPatch } from '../../../src/tools/builtin/apply-patch.ts'
import { edit } from '../../../src/tools/builtin/edit.ts'
import { ls } from '../../../src/tools/builtin/ls.ts'
import { read } from '../../../src/tools/builtin/read.ts'
import { write } from '../../../src/tools/builtin/write.ts'
import { createFiles, type FilesOptions } from '../../../src/tools/files/files.ts'
import type { ToolContext } from '../../../src/tools/tool.ts'
import { ownDirectory } from '../../fixtures/own-directory.ts'

export interface Answer {
  /** Of the first part. */
  readonly text: string
  readonly content: ReadonlyArray<{ readonly type: string, readonly [field: string]: unknown }>
  readonly details: { readonly [field: string]: any }
  readonly isError: boolean
}

export interface FileScene {
  /** Everything the test made. */
  readonly base: string
  readonly workspace: string
  readonly stateDir: string
  call (tool: 'read' | 'ls' | 'write' | 'edit' | 'apply_patch', args: object, signal?: AbortSignal): Promise<Answer>
}

export interface FileSceneOptions {
  readonly tools?: object
  readonly agents?: object
  readonly plan?: FilesOptions['plan']
  /** Relative to the base. */
  readonly workspace?: string
}

const known = [read, ls, write, edit, applyPatch]

export function createFileScene (t: { testdir (): string, teardown (fn: () => unknown): void }, options: FileSceneOptions = {}): FileScene {
  const { tools = {}, agents = {}, plan = async () => undefined, workspace: at = 'state/workspace' } = options
  const base = realpathSync(ownDirectory(t))
  const [workspace, stateDir] = [join(base, at), join(base, 'state')]
  for (const directory of [workspace, stateDir]) mkdirSync(directory, { recursive: true })
  const { config } = validateConfig({ tools, agents })
  const files = createFiles({ config: () => ({ config }), paths: { stateDir, homeDir: base }, workspaceOf: () => workspace, plan })
  const byName = new Map(known.map(factory => factory({ files })).map(tool => [tool.name, tool]))
  return {
    base,
    workspace,
    stateDir,
    async call (name, args, signal = new AbortController().signal) {
      const context: ToolContext = { sessionKey: 'agent:main:main', agentId: 'main', callId: 'c', signal, update () {} }
      const { content, details, isError = false } = await byName.get(name)!.run({ ...args }, context)
      const [first] = content
      const text = first?.type === 'text' ? first.text : ''
      return { text, content: content as unknown as Answer['content'], details: details as Answer['details'], isError }
    }
  }
}
