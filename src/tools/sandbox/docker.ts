/** Sandboxes made by a container engine: a container for each command, gone when the command is. */
import { createHash, randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { Launcher, LaunchOptions, Prepared } from '../exec/launch.ts'
import { environmentInside } from './bubblewrap.ts'
import { containerSpec, defaultImage } from './container.ts'
import { createEngine, messageOf, type Engine } from './engine.ts'
import { placeInside, type SandboxBackend, type SandboxPlan } from './plan.ts'
import { SandboxUnavailable } from './refusal.ts'

export interface DockerOptions {
  readonly env: { readonly [name: string]: string | undefined }
  /** Tells the containers of this gateway from those of another. */
  readonly stateDir: string
}

const label = 'ai.openclaw.gateway.sandbox'
const defaultHosts: { readonly [backend: string]: string } = { docker: 'unix:///var/run/docker.sock', podman: 'unix:///run/podman/podman.sock' }

function hostOf ({ settings: { docker, backend } }: SandboxPlan, env: DockerOptions['env']): string {
  const given = docker['host']
  return typeof given === 'string' ? given : env['DOCKER_HOST'] || defaultHosts[backend] || defaultHosts['docker']!
}

async function remove (engine: Engine, id: string): Promise<void> {
  await engine.call('DELETE', `/containers/${id}?force=true&v=true`)
}

/** What a gateway left behind that did not end in peace. */
async function prune (engine: Engine, owner: string): Promise<void> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`${label}=${owner}`] }))
  const { status, body } = await engine.call('GET', `/containers/json?all=true&filters=${filters}`)
  if (status !== 200 || !Array.isArray(body)) throw new SandboxUnavailable(`its container engine does not list containers (${messageOf(body)})`)
  await Promise.all(body.map(async ({ Id }: { Id: string }) => await remove(engine, Id)))
}

async function create (engine: Engine, name: string, spec: object, image: string): Promise<string> {
  const { status, body } = await engine.call('POST', `/containers/create?name=${name}`, spec)
  if (status === 201) return (body as { Id: string }).Id
  const remedy = status === 404 ? `Fetch the image: docker pull ${image}` : ''
  throw new SandboxUnavailable(`its container could not be made (${messageOf(body)})`, remedy)
}

export function createDocker ({ env, stateDir }: DockerOptions): SandboxBackend {
  const owner = createHash('sha256').update(stateDir).digest('hex').slice(0, 16)
  /** One for each address that the configuration has named. */
  const engines = new Map<string, Promise<Engine>>()
  const open = new Map<string, Engine>()

  async function engineAt (host: string): Promise<Engine> {
    if (!engines.has(host)) {
      if (engines.size >= 16) engines.clear()
      const engine = createEngine(host)
      engines.set(host, prune(engine, owner).then(() => engine))
      engines.get(host)!.catch(() => { engines.delete(host) })
    }
    return await engines.get(host)!
  }

  async function prepare (plan: SandboxPlan, host: string, command: string, { cwd, env: given, stdin }: LaunchOptions): Promise<Prepared> {
    const engine = await engineAt(host)
    const image = typeof plan.settings.docker['image'] === 'string' ? plan.settings.docker['image'] : defaultImage
    const spec = await containerSpec({
      plan,
      command,
      cwd: placeInside(plan, cwd),
      env: { ...environmentInside(given), HOME: '/tmp' },
      hasInput: stdin === 'pipe',
      labels: { [label]: owner, [`${label}.scope`]: plan.id }
    })
    const id = await create(engine, `openclaw-sbx-${plan.id}-${randomUUID().slice(0, 8)}`, spec, image)
    open.set(id, engine)
    const gone = (): void => {
      if (open.delete(id)) remove(engine, id).catch(() => undefined)
    }
    const file = fileURLToPath(new URL('./docker-attach.ts', import.meta.url))
    // What it does for the command, it does with the rights of the gateway: of its environment nothing is needed.
    return { program: { file: process.execPath, args: [file, host, id, stdin], cwd: '/', env: mark(given), stdin }, gone }
  }

  return {
    launcherFor: async (plan): Promise<Launcher> => {
      const host = hostOf(plan, env)
      await engineAt(host)
      return { kind: 'sandbox', prepare: (command, options) => prepare(plan, host, command, options) }
    },
    async close () {
      await Promise.allSettled([...open].map(async ([id, engine]) => await remove(engine, id)))
      open.clear()
    }
  }
}

/** By this the exec room finds the processes of a command. */
const mark = (env: { readonly [name: string]: string }): { [name: string]: string } =>
  Object.fromEntries(Object.entries(env).filter(([name]) => name === 'OPENCLAW_EXEC_ID'))
