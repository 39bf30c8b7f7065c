/** Getting the port: freed first when that was asked for, and when somebody has it, who that is. */
import { steadyNow } from '../lib/clock.ts'
import { exitCodes } from '../lib/exit-codes.ts'
import { nodeHttp } from '../lib/node-http.ts'
import { openListeners, type Listeners } from '../listeners.ts'
import type { Settings } from './settings.ts'
import { refuse } from './start-refused.ts'

const maxHealthBytes = 4_096
const healthTimeoutMs = 150

/** Where a listener of this address is reached from here. */
const reachable = (host: string): string => host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host

/** Whether what listens there answers as gateways do, plainly or over TLS. A stranger may take the request and say nothing. */
export async function isHealthyGateway (port: number, host = '127.0.0.1'): Promise<boolean> {
  return await answersAsGateway(nodeHttp(), port, host) || await answersAsGateway(process.getBuiltinModule('node:https'), port, host)
}

function answersAsGateway (over: Pick<typeof import('node:https'), 'request'>, port: number, host: string): Promise<boolean> {
  return new Promise(resolve => {
    const signal = AbortSignal.timeout(healthTimeoutMs)
    // Nothing is told to whoever answers, so it does not matter who vouches for it.
    const ask = over.request({ host: reachable(host), port, path: '/healthz', agent: false, signal, rejectUnauthorized: false }, response => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', chunk => {
        text += chunk
        if (text.length > maxHealthBytes) ask.destroy()
      })
      response.on('end', () => resolve(response.statusCode === 200 && /"status"\s*:\s*"live"/.test(text)))
      response.on('error', () => resolve(false))
    })
    ask.on('error', () => resolve(false)).on('close', () => resolve(false)).end()
  })
}

/** What `--force` asks for. The lines say what was done to whom; nobody is ended whose address we do not need. */
export async function clearPort ({ options, port, bind }: Settings, log: (line: string) => void): Promise<void> {
  const { canListen, freePort, PortNotFreedError } = await import('../lib/free-port.ts')
  const free = await Promise.all(bind.hosts.map(host => canListen(port, host)))
  if (!free.includes(false)) return
  try {
    const interactive = options.stdout.isTTY === true
    await freePort({ port, host: bind.hosts[0], log, interactive, isGatewayHealthy: isHealthyGateway, now: steadyNow })
  } catch (error) {
    if (error instanceof PortNotFreedError) refuse(exitCodes.failed, error.message)
    throw error
  }
}

type ListenError = NodeJS.ErrnoException & { address?: string }

async function taken (port: number, error: ListenError): Promise<never> {
  const host = error.address ?? '127.0.0.1'
  const { describeHolder, findPortHolder } = await import('../lib/port-holder.ts')
  const [holders, isGateway] = await Promise.all([findPortHolder(port), isHealthyGateway(port, host)])
  const name = reachable(host)
  return refuse(exitCodes.taken,
    `Gateway failed to start: another gateway instance is already listening on ws://${name.includes(':') ? `[${name}]` : name}:${port} | ${error.message}`,
    isGateway
      ? 'If the gateway is supervised, stop it with: openclaw gateway stop'
      : 'It does not answer as a gateway does: it is another program, or a gateway that hangs.',
    `Port ${port} is already in use.`,
    ...holders.map(holder => `- ${describeHolder(holder)}`),
    'Free it safely with: openclaw gateway --force, or choose another with --port.')
}

/** Every address of the bind, or a refusal that names who has it. */
export async function openPort ({ bind, port, certificate }: Settings): Promise<Listeners> {
  try {
    return await openListeners(bind, port, certificate)
  } catch (error) {
    if ((error as ListenError).code === 'EADDRINUSE') return taken(port, error as ListenError)
    throw error
  }
}
