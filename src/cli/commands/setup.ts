import { ensurePrivateDirectory } from '../../lib/private-file.ts'
import { loadConfig } from '../../config/load.ts'
import { packageVersion } from '../../lib/package-version.ts'
import { changeConfig, type ConfigOperation } from '../config-change.ts'
import { command, flag, integer, oneOfWords, text, UsageError, type CommandContext, type OptionValues } from '../define-command.ts'
import { CommandFailure } from '../failure.ts'
import { loadLocalSettings, pathsOf } from '../local-settings.ts'
import { jsonOption } from '../rpc-options.ts'
import { baselineOperations, directoriesOf, onboardOperations, type SetupDirectories } from '../setup-plan.ts'

const options = {
  ...jsonOption,
  baseline: flag('Only the configuration and the directories (the default)'),
  nonInteractive: flag('Take every choice from the options below'),
  acceptRisk: flag('I know that agents can read and change what this user can (needed with --non-interactive)'),
  mode: oneOfWords('mode', ['local', 'remote'], 'Run the gateway here, or talk to one elsewhere'),
  workspace: text('dir', 'Working directory of the agents'),
  gatewayPort: integer('port', 'gateway.port', { min: 1, max: 65_535 }),
  gatewayBind: oneOfWords('mode', ['loopback', 'lan', 'tailnet', 'auto', 'custom'], 'gateway.bind'),
  gatewayAuth: oneOfWords('mode', ['token', 'password'], 'gateway.auth.mode'),
  gatewayToken: text('token', 'The shared token (default: a new one of 48 hex characters)'),
  gatewayTokenRefEnv: text('name', 'Environment variable that holds the token'),
  gatewayPassword: text('password', 'The shared password'),
  tailscale: oneOfWords('mode', ['off', 'serve', 'funnel'], 'gateway.tailscale.mode'),
  remoteUrl: text('url', 'Address of the gateway for --mode remote'),
  remoteToken: text('token', 'Its token'),
  authChoice: text('choice', 'Credentials of a model provider; only "skip" in this version'),
  installDaemon: flag('Not part of this command: openclaw gateway install', { hidden: true }),
  daemonRuntime: text('runtime', 'See --install-daemon', { hidden: true }),
  skipHealth: flag('Do not look at the gateway afterwards'),
  skipSkills: flag('Without skills', { hidden: true }),
  skipChannels: flag('Without channels', { hidden: true }),
  flow: text('flow', 'Which questions to ask; there are none', { hidden: true })
}

type Flags = OptionValues<typeof options>
type Context = CommandContext<Flags>

interface Applied extends SetupDirectories {
  configPath: string
  configStatus: 'created' | 'updated' | 'unchanged'
}

async function apply (context: Context, more: (loaded: Awaited<ReturnType<typeof loadConfig>>) => ConfigOperation[]): Promise<Applied> {
  const { env } = context.io
  const paths = pathsOf(context)
  const loaded = await loadConfig({ paths, env })
  const { workspace } = context.options
  const directories = directoriesOf(paths, loaded, workspace)
  const operations = [...baselineOperations(loaded, directories, workspace !== undefined), ...more(loaded)]
  const { changed } = await changeConfig(operations, { paths, env })
  for (const directory of [directories.workspaceDir, directories.sessionsDir]) await ensurePrivateDirectory(directory)
  return { ...directories, configPath: paths.configPath, configStatus: !loaded.exists ? 'created' : changed ? 'updated' : 'unchanged' }
}

const programName = ({ global }: Context): string =>
  global.dev ? 'openclaw --dev' : global.profile ? `openclaw --profile ${global.profile}` : 'openclaw'

const nextSteps = (context: Context): string => {
  const name = programName(context)
  return `Next:\n  ${name} gateway run     start it\n  ${name} status          look at it`
}

async function baseline (context: Context): Promise<number> {
  const { out, options: flags } = context
  const applied = await apply(context, () => [])
  if (flags.json) {
    const { configPath, configStatus, workspaceDir, sessionsDir } = applied
    out.json({ ok: true, configPath, configStatus, workspaceDir, sessionsDir })
  } else {
    out.line(`Config:    ${applied.configPath} (${applied.configStatus})\nWorkspace: ${applied.workspaceDir}\nSessions:  ${applied.sessionsDir}\n`)
    out.line(nextSteps(context))
  }
  return 0
}

async function onboard (context: Context): Promise<number> {
  const { options: flags, out } = context
  if (!flags.acceptRisk) {
    throw new CommandFailure('Agents can read and change what this user can. Say that you know it with --accept-risk.', 'risk_not_accepted')
  }
  if (flags.installDaemon) throw new UsageError('--install-daemon is not part of this version: leave it out and say `openclaw gateway install` afterwards')
  if (flags.authChoice !== undefined && flags.authChoice !== 'skip') throw new UsageError('Invalid --auth-choice (use "skip")')
  const mode = flags.mode ?? 'local'
  const wish = {
    mode,
    port: flags.gatewayPort,
    bind: flags.gatewayBind,
    auth: flags.gatewayAuth ?? 'token',
    token: flags.gatewayToken,
    tokenRefEnv: flags.gatewayTokenRefEnv,
    password: flags.gatewayPassword,
    tailscale: flags.tailscale,
    remoteUrl: flags.remoteUrl,
    remoteToken: flags.remoteToken,
    version: packageVersion(),
    nowMs: Date.now()
  } as const
  const applied = await apply(context, loaded => onboardOperations(loaded, wish))
  const { port, bindMode, loaded } = await loadLocalSettings(context)
  const gateway = { port, bind: bindMode, authMode: wish.auth, tailscaleMode: loaded.config.gateway.tailscale.mode }
  if (flags.json) {
    out.json({
      ok: true,
      mode,
      workspace: applied.workspaceDir,
      authChoice: 'skip',
      gateway,
      installDaemon: false,
      skipSkills: flags.skipSkills,
      skipHealth: flags.skipHealth
    })
  } else {
    out.line(`Config:    ${applied.configPath} (${applied.configStatus})\nGateway:   ${bindMode}, port ${port}, ${wish.auth}\n`)
    out.line(nextSteps(context))
  }
  return 0
}

export default command({
  name: 'setup',
  summary: 'Make a configuration and the directories that go with it (also: onboard)',
  details: 'Adds what is missing and leaves everything else as it is. Asks nothing: choices are options.',
  options,
  examples: [
    ['openclaw setup', 'Enough to start.'],
    ['openclaw setup --non-interactive --accept-risk --gateway-port 18789 --gateway-auth token --json', 'For scripts; makes a token and keeps it.']
  ],
  run: context => context.options.nonInteractive ? onboard(context) : baseline(context)
})
