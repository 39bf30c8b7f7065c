/** The files of this repository, as the tests of its boundaries look at them. */
import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))
const notOurs = new Set(['node_modules', '.git', 'dist', '.tap', 'coverage'])

/** Every file that we wrote, relative to the root, with forward slashes. */
export function ownFiles (directory = ''): string[] {
  return readdirSync(join(root, directory), { withFileTypes: true }).flatMap(entry => {
    if (notOurs.has(entry.name)) return []
    const path = directory === '' ? entry.name : `${directory}/${entry.name}`
    return entry.isDirectory() ? ownFiles(path) : [path]
  })
}

export const read = (path: string): string => readFileSync(join(root, path), 'utf8')

export const sourceFiles = (): string[] => ownFiles('src').filter(path => path.endsWith('.ts'))

/** The folder of `src/` that a file lies in, or the name of a file that lies in none. */
export const roomOf = (path: string): string => path.split('/')[1]!

export interface Import {
  readonly from: string
  /** A path below the root, or the name of a package or of a module of Node's. */
  readonly to: string
  readonly kind: 'value' | 'type' | 'lazy'
}

const statement = /^(?:import|export)\s+(type\s)?(?:[^'"]*?\sfrom\s+)?'([^']+)'/gm
const expression = /(\btypeof\s+)?\bimport\('([^']+)'\)/g

export function importsOf (path: string): Import[] {
  const text = read(path)
  const target = (specifier: string): string => specifier.startsWith('.')
    ? relative(root, resolve(root, dirname(path), specifier)).replaceAll(sep, '/')
    : specifier
  return [
    ...[...text.matchAll(statement)].map(([, type, specifier]) => ({ from: path, to: target(specifier!), kind: type ? 'type' as const : 'value' as const })),
    ...[...text.matchAll(expression)].map(([, type, specifier]) => ({ from: path, to: target(specifier!), kind: type ? 'type' as const : 'lazy' as const }))
  ]
}
