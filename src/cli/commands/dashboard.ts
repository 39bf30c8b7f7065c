import { spawn } from 'node:child_process'
import { command, unset, type CommandContext } from '../define-command.ts'
import { deviceCourse } from '../device-course.ts'
import { rpcOptions } from '../rpc-options.ts'
import { readSetupCode, type SetupCode } from '../setup-code.ts'
import { withGateway, type Reached } from '../with-gateway.ts'

const openers: { readonly [platform: string]: readonly [file: string, ...args: string[]] } =
  { darwin: ['open'], win32: ['rundll32', 'url.dll,FileProtocolHandler'], linux: ['xdg-open'] }

function openBrowser (url: string): void {
  const [file, ...args] = openers[process.platform] ?? openers['linux']!
  // The address was printed already; a machine without a browser is no failure.
  spawn(file, [...args, url], { stdio: 'ignore', detached: true }).on('error', () => undefined).unref()
}

/** A token belongs into the fragment: it is never sent to a server and never logged by one. */
async function addresses ({ client, target, settings }: Reached) {
  const { basePath } = settings.loaded.config.gateway.controlUi
  const httpUrl = `${target.url.replace(/^ws/, 'http')}${basePath}/`
  const { token } = target.auth
  const code = await client.request('device.pair.setupCode', { bootstrapProfile: 'owner' }) as SetupCode
  const { bootstrapToken = '' } = readSetupCode(code.setupCode)
  const fragment = new URLSearchParams({ bootstrapToken, bootstrapProfile: 'owner', gatewayUrl: target.url })
  return {
    ok: true,
    url: token ? `${httpUrl}#token=${encodeURIComponent(token)}` : httpUrl,
    httpUrl,
    wsUrl: target.url,
    port: Number(new URL(target.url).port) || undefined,
    tokenIncluded: token !== undefined,
    browserUrl: `${httpUrl}#${fragment.toString()}`,
    browserBootstrapExpiresAtMs: code.expiresAtMs
  }
}

const mayOpen = ({ options, io }: CommandContext<{ open: boolean, json: boolean }>): boolean =>
  options.open && !options.json && io.stdout.isTTY === true

export default command({
  name: 'dashboard',
  summary: 'Open the control UI, signed in',
  details: 'The address carries a code that works once and for ten minutes; whoever opens it first is paired as owner.',
  options: { ...rpcOptions, open: unset('Only print the address') },
  examples: [['openclaw dashboard --no-open', 'For another browser or another machine with a tunnel.']],
  run: context => withGateway(context, deviceCourse('Dashboard'), async reached => {
    const found = await addresses(reached)
    if (context.options.json) {
      context.out.json(found)
      return 0
    }
    context.out.line(`Dashboard URL: ${found.httpUrl}`)
    if (mayOpen(context)) openBrowser(found.browserUrl)
    else context.out.line(`Open once to sign in: ${found.browserUrl}`)
    return 0
  })
})
