/** A configuration with a recognisable secret wherever a secret can stand. */
import { childrenOf, type Node } from '../../src/config/schema/node.ts'
import { configTree } from '../../src/config/schema.ts'
import { open, opens, texted } from '../../src/config/schema/types.ts'

/** In none of them is anything that a rule for well-known formats would recognise: what hides them is where they stand. */
export const canaryPattern = /kanarie\d+vogel/i

const credentialNames = [
  'apiKey', 'api_key', 'token', 'botToken', 'accessToken', 'password', 'passwd', 'secret', 'clientSecret', 'webhookSecret', 'privateKey', 'authorization', 'Authorization',
  'x-api-key', 'cookie', 'OPENAI_API_KEY', 'GITHUB_TOKEN', 'DB_PASSWORD', 'AWS_SECRET_ACCESS_KEY'
]

export interface Canaries {
  readonly config: { [key: string]: unknown }
  /** Where each of them stands. */
  readonly places: ReadonlyMap<string, string>
}

/** Keys that decide whether and how the gateway starts stay as the test has them. */
const untouched = new Set(['gateway.auth.token', 'gateway.auth.password', 'gateway.tls', 'logging.file', 'store'])

export function plantCanaries (): Canaries {
  const places = new Map<string, string>()
  const plant = (path: string): string => {
    const canary = `kanarie${places.size + 1000}vogel`
    places.set(canary, path)
    return canary
  }
  const bag = (path: string): object => Object.fromEntries(credentialNames.map(name => [name, plant(`${path}.${name}`)]))

  function leaf (path: string, node: Node): unknown {
    if (node.kind !== 'key') return undefined
    const { type } = node.type as { type?: string }
    if (node.type === open || node.type === texted || (node.secret && type === 'object')) return bag(path)
    if (node.secret) return plant(path)
    if (node.type === opens) return [bag(`${path}[0]`)]
    return /url$|endpoint$/i.test(path) && type === 'string' ? `https://user:${plant(path)}@host.example/?token=${plant(path)}` : undefined
  }

  function grow (path: string, node: Node): unknown {
    if (untouched.has(path)) return undefined
    if (node.kind === 'key') return leaf(path, node)
    if (node.kind === 'map') return { entry: grow(`${path}.entry`, node.item as Node) ?? {} }
    if (node.kind === 'list') return undefined
    const grown: { [key: string]: unknown } = {}
    for (const [name, child] of Object.entries(childrenOf(node) ?? {})) {
      const value = grow(path === '' ? name : `${path}.${name}`, child)
      if (value !== undefined) grown[name] = value
    }
    const { open: isOpen } = node as { open?: true }
    return isOpen ? { ...bag(path), ...grown } : Object.keys(grown).length > 0 ? grown : undefined
  }

  const config = grow('', configTree) as { [key: string]: unknown }
  return { config: { ...config, unknownSection: bag('unknownSection') }, places }
}
