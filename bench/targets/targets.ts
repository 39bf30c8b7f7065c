import { cp, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { modelSections, modelUrl } from '../model/model.ts'
import type { Secret } from '../wire/identity.ts'
import { launch, type Workshop } from './launch.ts'
import type { Target, Wish } from './target.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const bench = (name: string): string => join(root, 'bench', name)

/** Minimal configuration that every gateway of this kind reads. Loopback as a proxy lets scenarios pretend to come from elsewhere. */
function gatewayConfig (name: 'ours' | 'peer', agents: number, wish: Wish): object {
  const model = wish.model && modelSections(wish.model)
  const list = Array.from({ length: agents }, (_, index) => ({ id: index === 0 ? 'main' : `agent-${index}`, default: index === 0 }))
  return {
    gateway: {
      mode: 'local',
      bind: 'loopback',
      trustedProxies: ['127.0.0.1'],
      ...(wish.exec ? { tools: { allow: ['exec'] } } : {}),
      ...(wish.openai ? { http: { endpoints: { chatCompletions: { enabled: true } } } } : {})
    },
    ...model,
    ...(wish.channels ? { channels: wish.channels } : {}),
    ...(agents > 0 || model ? { agents: { ...model?.agents, ...(agents > 0 ? { list } : {}) } } : {}),
    // Only ours has a choice here.
    ...(name === 'ours' && wish.durability ? { store: { durability: wish.durability } } : {})
  }
}

/** A gateway with the command line of `openclaw gateway run`. `agents`: how many the configuration lists. */
export const gateway = (name: 'ours' | 'peer', entry: string, workshop: Workshop, agents: number): Target => ({
  name,
  gateway: true,
  trustsForwarding: true,
  takesModel: true,
  hasEcho: name === 'ours',
  spawn: (wish = {}) => launch(workshop, {
    name,
    args: ({ port, token }) => [entry, 'gateway', 'run', '--port', String(port), '--bind', 'loopback', '--token', token],
    prepare: path => writeFile(path, JSON.stringify(gatewayConfig(name, agents, wish)), { mode: 0o600 }),
    seed: wish.seed
  })
})

export const checkoutEntry = join(root, 'bin', 'openclaw.js')

/** The package as `npm pack` ships it, without `src/`, beside the dependencies of the checkout. Returns its entry. */
export async function stagePackage ({ directory }: Workshop): Promise<string> {
  const stage = join(directory, 'package')
  await mkdir(stage)
  for (const name of ['bin', 'dist', 'config', 'package.json']) await cp(join(root, name), join(stage, name), { recursive: true })
  await symlink(join(root, 'node_modules'), join(stage, 'node_modules'))
  return join(stage, 'bin', 'openclaw.js')
}

/** Somebody else's running gateway: no cold start, and no figures of its process unless its pid is given. */
export const running = (url: string, secret: Secret, pid?: number): Target => {
  const { hostname, port, pathname } = new URL(url)
  return {
    name: 'url',
    gateway: true,
    trustsForwarding: false,
    takesModel: false,
    hasEcho: false,
    spawn: async () => ({
      endpoint: { host: hostname, port: Number(port || 80), path: pathname },
      secret,
      pid,
      ended: () => false,
      output: () => '',
      crash: async () => { throw new Error('somebody else\'s gateway is not killed') },
      async stop () {}
    })
  }
}

/** The bare servers answer with the sizes of the profile. */
export const ceiling = (workshop: Workshop, profilePath?: string): Target => ({
  name: 'ceiling',
  gateway: true,
  trustsForwarding: false,
  takesModel: true,
  hasEcho: false,
  spawn: (wish = {}) => launch(workshop, {
    name: 'ceiling',
    args: ({ port, token }) => [
      bench('ceiling.ts'), '--port', String(port), '--token', token,
      ...(profilePath ? ['--profile', profilePath] : []),
      ...(wish.model ? ['--model', `${modelUrl(wish.model.endpoint)}/chat/completions`, '--model-id', wish.model.id] : []),
      ...(wish.durability ? ['--durability', wish.durability] : [])
    ]
  })
})

export const fastify = (workshop: Workshop, profilePath?: string): Target => ({
  name: 'fastify',
  gateway: false,
  trustsForwarding: false,
  takesModel: false,
  hasEcho: false,
  spawn: (wish = {}) => launch(workshop, {
    name: 'fastify',
    args: ({ port }) => [bench('ceiling-fastify.js'), String(port), profilePath ?? '', ...(wish.model ? [modelUrl(wish.model.endpoint)] : [])]
  })
})
