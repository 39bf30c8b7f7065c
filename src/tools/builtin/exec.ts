import { oneOf, Type } from '../../protocol/type.ts'
import { defineTool } from '../define-tool.ts'
import type { ExecRoom } from '../exec/room.ts'

export interface CommandSources {
  /** Loaded when the first command is to be run. */
  readonly exec: () => Promise<ExecRoom>
}

const params = Type.Object({
  command: Type.String({ minLength: 1, maxLength: 65_536, description: 'Command line for the shell.' }),
  workdir: Type.Optional(Type.String({ minLength: 1, maxLength: 4096, description: 'Directory to run it in; absent: the workspace.' })),
  env: Type.Optional(Type.Record(Type.String(), Type.String(), { description: 'Additional environment variables.' })),
  yieldMs: Type.Optional(Type.Number({ minimum: 0, maximum: 3_600_000, description: 'Go on in the background after this time.' })),
  background: Type.Optional(Type.Boolean({ description: 'Run in the background at once; use process for output and input.' })),
  timeoutSeconds: Type.Optional(Type.Number({ minimum: 0, maximum: 2_000_000, description: 'End the command after this time; 0: never.' })),
  timeout: Type.Optional(Type.Number({ minimum: 0, maximum: 2_000_000, description: 'The same, in seconds.' })),
  noOutputTimeoutMs: Type.Optional(Type.Number({ minimum: 0, maximum: 2_000_000_000, description: 'End it when it prints nothing for so long.' })),
  pty: Type.Optional(Type.Boolean({ description: 'Not offered; the command runs without a terminal.' })),
  host: Type.Optional(oneOf(['auto', 'sandbox', 'gateway', 'node'], { description: 'Absent: where this conversation runs its commands.' })),
  node: Type.Optional(Type.String({ maxLength: 256, description: 'For host "node": its id or name.' })),
  security: Type.Optional(oneOf(['deny', 'allowlist', 'full'])),
  ask: Type.Optional(oneOf(['off', 'on-miss', 'always'])),
  elevated: Type.Optional(Type.Boolean())
}, { additionalProperties: false })

/** Runs a command. */
export const exec = (sources: CommandSources) => defineTool({
  name: 'exec',
  description: 'Runs a shell command in the workspace. Long ones go on in the background; see process.',
  params,
  capability: 'exec',
  groups: ['runtime'],
  aliases: ['bash', 'shell'],
  reach: 'run',
  effects: true,
  rest: 'Write the output into a file and read it in parts, or print less (head, tail, grep).',
  foresee: async (args, context) => await (await sources.exec()).foresee(args, context),
  run: async (args, context) => (await sources.exec()).run(args, context)
})
