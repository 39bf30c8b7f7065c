/** The questions from which a plan of references is made. Credentials themselves are never asked for. */
import { isAbsolute } from 'node:path'
import type { LoadedConfig } from '../config/load.ts'
import { parsePath } from '../config/path-syntax.ts'
import { PlanError, refOf } from '../config/secret-plan.ts'
import { isCredentialPlace } from '../config/secret-places.ts'
import { plainSecretsIn, refsIn } from '../config/secret-values.ts'
import { configTree, type SecretRef } from '../config/schema.ts'
import type { Questions } from './questions.ts'

export interface Wishes {
  readonly upserts: { [alias: string]: { readonly [key: string]: unknown } }
  readonly deletes: string[]
  readonly refs: Map<string, SecretRef>
}

type Tell = (line: string) => void

const sources = ['env', 'file', 'exec'] as const
const words = (text: string): string[] => text.split(/[\s,]+/).filter(word => word !== '')

async function providerOf (questions: Questions): Promise<{ readonly [key: string]: unknown }> {
  const source = await questions.choose('Source', sources, 'file')
  if (source === 'env') return { source, allowlist: words(await questions.ask('Names of variables that may be read')) }
  if (source === 'file') {
    const path = await questions.ask('Absolute path of the file')
    return { source, path, mode: await questions.choose('Its form', ['json', 'singleValue'], 'json') }
  }
  const command = await questions.ask('Absolute path of the program')
  const args = words(await questions.ask('Its arguments'))
  return { source, command, ...(args.length > 0 ? { args } : {}) }
}

export async function askForProviders (questions: Questions, loaded: LoadedConfig, wishes: Wishes, tell: Tell): Promise<void> {
  for (;;) {
    const known = Object.keys({ ...loaded.config.secrets.providers, ...wishes.upserts }).filter(alias => !wishes.deletes.includes(alias))
    tell(`Providers: ${known.join(', ') || 'none'}`)
    const what = await questions.choose('Providers: add, edit or remove one, or go on', ['add', 'edit', 'remove', 'next'], 'next')
    if (what === 'next') return
    const alias = await questions.ask('Its alias')
    if (what === 'remove') {
      delete wishes.upserts[alias]
      if (Object.hasOwn(loaded.config.secrets.providers, alias)) wishes.deletes.push(alias)
      else tell(`There is no provider ${alias}.`)
      continue
    }
    const provider = await providerOf(questions)
    const place = provider['path'] ?? provider['command']
    if (!/^[a-z][a-z0-9_-]{0,63}$/.test(alias)) tell('An alias has lower-case letters, digits, - and _, and begins with a letter.')
    else if (place !== undefined && !isAbsolute(String(place))) tell('The path must be absolute.')
    else wishes.upserts[alias] = provider
  }
}

const describe = ({ source, provider, id }: SecretRef): string => `${source}${provider ? ` (${provider})` : ''} ${id}`

/** `models.providers.openai.apiKey` → OPENAI_API_KEY */
const suggestedName = (path: string): string => {
  const steps = parsePath(path).map(String).slice(-2)
  return steps.join('_').replace(/([a-z0-9])([A-Z])/g, '$1_$2').replace(/[^A-Za-z0-9]+/g, '_').toUpperCase().replace(/^[^A-Z]+/, '')
}

const isPlace = (path: string): boolean => {
  try {
    return isCredentialPlace(parsePath(path))
  } catch {
    return false
  }
}

async function refFor (questions: Questions, path: string): Promise<SecretRef> {
  const source = await questions.choose('Where it is', sources, 'env')
  const provider = await questions.ask(source === 'env' ? 'Provider (none is needed)' : 'Provider', source === 'env' ? '' : 'default')
  const id = await questions.ask('Its name there', source === 'env' ? suggestedName(path) : '')
  return refOf({ source, ...(provider === '' ? {} : { provider }), id }, path)
}

export async function askForRefs (questions: Questions, loaded: LoadedConfig, { refs }: Wishes, tell: Tell): Promise<void> {
  const plain = plainSecretsIn(loaded.parsed).map(path => [path, 'stands in the file'] as const)
  const places = [...plain, ...refsIn(loaded.source, configTree).map(({ path, ref }) => [path, describe(ref)] as const)]
  for (;;) {
    for (const [index, [path, state]] of places.entries()) {
      const chosen = refs.get(path)
      tell(`${String(index + 1).padStart(3)}  ${path}: ${chosen ? `→ ${describe(chosen)}` : state}`)
    }
    const answer = await questions.ask('Number or path of a credential; empty to go on')
    if (answer === '') return
    const path = /^\d+$/.test(answer) ? places[Number(answer) - 1]?.[0] : answer
    if (path === undefined || !isPlace(path)) {
      tell(`No credential stands at ${answer}.`)
      continue
    }
    try {
      refs.set(path, await refFor(questions, path))
    } catch (error) {
      if (!(error instanceof PlanError)) throw error
      tell(error.message)
    }
  }
}
