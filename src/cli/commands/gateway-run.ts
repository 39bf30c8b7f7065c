import { isIpLiteral } from '../../lib/net-address.ts'
import { command, flag, flagOf, integer, oneOfWords, text, UsageError, type OptionDeclaration, type OptionValues } from '../define-command.ts'

const bindWords = ['loopback', 'lan', 'tailnet', 'auto', 'custom'] as const

/** The contract's words, or an address as older configurations have it. */
const bind: OptionDeclaration<string | undefined> = {
  kind: 'value',
  value: 'mode',
  help: `Where to listen (${bindWords.join(' | ')}, or an address of this machine; default: gateway.bind, then loopback)`,
  parse (given, name) {
    if ((bindWords as readonly string[]).includes(given) || given === 'localhost' || isIpLiteral(given)) return given
    throw new UsageError(`Invalid ${name} (use ${bindWords.map(word => `"${word}"`).join(', ')}, or an IP address)`)
  }
}

/** Flags of the contract for parts that this version does not have. */
const inert = {
  ambientChannels: flag('Start channels that the environment configures', { hidden: true }),
  devAmbientChannels: flag('The same as --ambient-channels', { hidden: true }),
  cliBackendLogs: flag('Only logs of CLI backends', { hidden: true }),
  claudeCliLogs: flag('The same as --cli-backend-logs', { hidden: true }),
  rawStream: flag('Write raw model events', { hidden: true }),
  rawStreamPath: text('path', 'Where to write them', { hidden: true })
}

const options = {
  port: integer('port', 'Port (default: OPENCLAW_GATEWAY_PORT, then gateway.port, then 18789)', { min: 1, max: 65_535 }),
  bind,
  auth: oneOfWords('mode', ['none', 'token', 'password', 'trusted-proxy'], 'How callers prove themselves; overrides gateway.auth.mode'),
  token: text('token', 'Shared token (default: gateway.auth.token, then OPENCLAW_GATEWAY_TOKEN)'),
  password: text('password', 'Shared password; visible to every user of this machine, better: --password-file'),
  passwordFile: text('path', 'Read the password from this file'),
  tailscale: oneOfWords('mode', ['off', 'serve', 'funnel'], 'Reach it through Tailscale'),
  tailscaleResetOnExit: flag('Take serve or funnel back when the gateway stops'),
  allowUnconfigured: flag('Start even when the configuration does not say gateway.mode=local'),
  dev: flag('Dev profile on port 19001; makes its configuration and workspace when they are missing'),
  reset: flag('Forget the dev configuration, credentials, sessions and workspace first (only with --dev)'),
  force: flag('Free the port first: ends the process that listens there'),
  verbose: flag('Debug output and WebSocket traffic on the console'),
  wsLog: oneOfWords('style', ['auto', 'full', 'compact'], 'How WebSocket traffic is shown'),
  compact: flag('The same as --ws-log compact'),
  ...inert
}

type RunFlags = OptionValues<typeof options>

function checkTogether (flags: RunFlags): void {
  if (flags.password !== undefined && flags.passwordFile !== undefined) throw new UsageError('Use either --password or --password-file')
  if (flags.reset && !flags.dev) throw new UsageError('--reset is only for the dev profile: openclaw gateway --dev --reset')
}

export default command({
  name: 'gateway run',
  summary: 'Run the gateway in the foreground',
  details: 'Serves WebSocket RPC and HTTP on one port until it gets SIGTERM or SIGINT. A supervisor should not try again after 69 and 78.',
  exits: {
    0: 'Stopped as asked',
    1: 'Could not start; the message says why',
    69: 'The port or the state directory belongs to another process',
    75: 'Ended because memory ran out (gateway.overload)',
    78: 'The configuration forbids the start'
  },
  options,
  lean: true,
  examples: [
    ['openclaw gateway run', 'Start with the configuration, or with safe defaults and a generated token when there is none.'],
    ['openclaw gateway --port 18789 --verbose', 'The same, spelled shorter, with everything that happens on the console.'],
    ['openclaw --dev gateway --allow-unconfigured', 'A second, separate gateway for development.']
  ],
  async run ({ options: flags, global, io, out }) {
    checkTogether(flags)
    if (flags.password !== undefined) out.note('Warning: --password is visible to every user of this machine; use --password-file.')
    for (const name of Object.keys(inert) as (keyof typeof inert)[]) {
      if (flags[name]) out.note(`Warning: ${flagOf(name, inert[name])} has no effect in this version.`)
    }
    const { port, bind, auth, token, password, passwordFile, allowUnconfigured, dev, reset, force, verbose } = flags
    const { tailscale, tailscaleResetOnExit } = flags
    const { runGateway } = await import('../../server.ts')
    return await runGateway({
      port,
      bind,
      auth,
      token,
      password,
      passwordFile,
      tailscale,
      tailscaleResetOnExit,
      allowUnconfigured,
      dev,
      reset,
      force,
      verbose,
      wsLog: flags.compact ? 'compact' : flags.wsLog,
      profile: global.profile ?? (dev || global.dev ? 'dev' : undefined),
      logLevel: global.logLevel,
      env: io.env,
      stdout: io.stdout,
      stderr: io.stderr
    })
  }
})
