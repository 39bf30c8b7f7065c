/** The proxies that people put in front of a gateway, as processes with the very recipes of config/proxies. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request, type RequestOptions } from 'node:https'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { ClientOptions } from 'ws'
import { root } from '../boundaries/source-tree.ts'
import { selfSigned } from '../fixtures/self-signed.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'
import { eventually, freePort } from '../process/daemon.ts'

interface Test {
  testdir (): string
  teardown (fn: () => unknown): void
}

export type ProxyName = 'nginx' | 'caddy'
export const proxyNames: readonly ProxyName[] = ['nginx', 'caddy']

/** The sites of the recipes: a name of its own, and a path of another site. */
export const sites = {
  own: { host: 'gateway.example.com', path: '' },
  below: { host: 'www.example.com', path: '/openclaw' }
} as const
export type Site = typeof sites[keyof typeof sites]

/** A client whom the proxy of a proxy names, since every client of a test is on this machine. */
export const outside = '203.0.113.70'

export interface Proxy {
  readonly port: number
  /** Everything it has printed so far. */
  said (): string
}

export interface Answer {
  readonly status: number
  readonly headers: { readonly [name: string]: string | string[] | undefined }
  readonly body: string
}

export function missingProxy (name: ProxyName): string | false {
  const { error } = spawnSync(name, [name === 'nginx' ? '-v' : 'version'], { stdio: 'ignore' })
  return error !== undefined && `needs ${name} (Debian: apt-get install ${name === 'nginx' ? 'nginx-light' : 'caddy'})`
}

const recipes: { readonly [name in ProxyName]: string } = {
  nginx: readFileSync(join(root, 'config', 'proxies', 'nginx.conf'), 'utf8'),
  caddy: readFileSync(join(root, 'config', 'proxies', 'Caddyfile'), 'utf8')
}

interface Places {
  readonly directory: string
  readonly port: number
  readonly gatewayPort: number
}

/** What a distribution's own nginx.conf has around the recipe, and a load balancer on this machine that names the client. */
const nginxConf = (recipe: string, { directory, port }: Places): string => `
daemon off;
master_process off;
pid ${directory}/nginx.pid;
error_log stderr;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy; fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi; scgi_temp_path ${directory}/scgi;
${recipe
  .replaceAll('listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`)
  .replaceAll(/ssl_certificate +\S+;/g, `ssl_certificate ${directory}/cert.pem;`)
  .replaceAll(/ssl_certificate_key +\S+;/g, `ssl_certificate_key ${directory}/key.pem;`)}
}
`

const caddyfile = (recipe: string, { directory, port }: Places): string => `
{
  admin off
  auto_https off
  storage file_system ${directory}/storage
}
${recipe.replace('header_up -Forwarded', 'trusted_proxies 127.0.0.0/8\n\t\theader_up -Forwarded').replaceAll(/^(\S+\.example\.com) \{$/gm, (_line, name: string) =>
  `https://${name}:${port} {\n\tbind 127.0.0.1\n\ttls ${directory}/cert.pem ${directory}/key.pem`)}
`

const listens = (port: number): Promise<boolean> => new Promise(resolve => {
  const socket = connect({ host: '127.0.0.1', port }, () => { socket.destroy(); resolve(true) })
  socket.on('error', () => resolve(false))
})

/** Starts it with its recipe, in front of the port of a gateway; `adjust` makes the mistakes that people make. */
export async function startProxy (
  t: Test, name: ProxyName, gatewayPort: number, adjust: (recipe: string) => string = recipe => recipe
): Promise<Proxy> {
  const directory = join(ownDirectory(t), name)
  mkdirSync(directory, { recursive: true })
  const { key, cert } = selfSigned()
  writeFileSync(join(directory, 'key.pem'), key)
  writeFileSync(join(directory, 'cert.pem'), cert)
  const places = { directory, gatewayPort, port: await freePort() }
  const recipe = adjust(recipes[name]).replaceAll('127.0.0.1:18789', `127.0.0.1:${gatewayPort}`)
  const file = join(directory, 'configuration')
  writeFileSync(file, name === 'nginx' ? nginxConf(recipe, places) : caddyfile(recipe, places))
  const args = name === 'nginx' ? ['-e', 'stderr', '-p', directory, '-c', file] : ['run', '--adapter', 'caddyfile', '--config', file]
  const child = spawn(name, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'], HOME: directory } })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => { said += chunk })
  const gone = once(child, 'close')
  t.teardown(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await gone
  })
  const isUp = await eventually(() => listens(places.port), up => up || child.exitCode !== null)
  if (!isUp) throw new Error(`${name} did not start: ${said}`)
  return { port: places.port, said: () => said }
}

/** How a client of a site reaches the proxy: by its name, which no DNS here knows. */
const reaching = ({ port }: Proxy, { host }: Site, headers: { readonly [name: string]: string } = {}) => ({
  host: '127.0.0.1', port, servername: host, rejectUnauthorized: false, headers: { host, 'x-forwarded-for': outside, ...headers }
})

export const socketOf = (proxy: Proxy, site: Site, headers: { readonly [name: string]: string } = {}): { url: string, socket: ClientOptions } => ({
  url: `wss://127.0.0.1:${proxy.port}${site.path}/`,
  socket: { ...reaching(proxy, site, headers) }
})

export interface Ask {
  readonly method?: string
  readonly headers?: { readonly [name: string]: string }
  readonly body?: string
  /** Sees each piece as it arrives; true: that is enough, hang up. */
  readonly until?: (text: string) => boolean
}

export function ask (proxy: Proxy, site: Site, path: string, { method = 'GET', headers, body, until }: Ask = {}): Promise<Answer> {
  const options: RequestOptions = { ...reaching(proxy, site, headers), method, path: `${site.path}${path}`, agent: false }
  return new Promise((resolve, reject) => {
    const outgoing = request(options, response => {
      let text = ''
      const done = (): void => resolve({ status: response.statusCode!, headers: response.headers, body: text })
      response.setEncoding('utf8').on('data', chunk => {
        text += chunk
        if (!until?.(text)) return
        done()
        outgoing.destroy()
      })
      response.on('end', done).on('error', reject)
    })
    outgoing.on('error', reject).end(body)
  })
}
