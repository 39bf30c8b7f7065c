import type { ConsoleStream } from '../log/console-sink.ts'

/** What the command line says, and where the process may read and speak. */
export interface RunOptions {
  readonly port?: number
  readonly bind?: string
  readonly auth?: string
  readonly token?: string
  readonly password?: string
  readonly passwordFile?: string
  readonly force?: boolean
  readonly verbose?: boolean
  readonly allowUnconfigured?: boolean
  readonly dev?: boolean
  readonly reset?: boolean
  readonly wsLog?: string
  readonly tailscale?: string
  readonly tailscaleResetOnExit?: boolean
  readonly profile?: string
  readonly logLevel?: string
  readonly env: NodeJS.ProcessEnv
  readonly stdout: ConsoleStream & { readonly isTTY?: boolean }
  readonly stderr: ConsoleStream
}
