/**
 * `$include`: a file, or several that are merged from left to right, in place of an object; keys beside it win. Included files stay
 * inside the directory of the configuration (or OPENCLAW_INCLUDE_ROOTS), judged by their real path (CVE-2026-32061).
 */
import { constants } from 'node:fs'
import { open, realpath, type FileHandle } from 'node:fs/promises'
import { delimiter, dirname, isAbsolute, relative, resolve, sep } from 'node:path'
import { isObject } from '../lib/json-object.ts'
import { dropReservedKeys, formatPath, type PathStep } from './path-syntax.ts'
import { ConfigSyntaxError, parseConfigText } from './parse.ts'
import { expandPath } from './paths.ts'

export const includeKey = '$include'
const maxDepth = 10
const maxFileBytes = 2 * 1024 * 1024
const maxPathChars = 4096
const maxFiles = 256

type Steps = readonly PathStep[]

/** A value of the merged configuration and where it was written. */
export interface Origin { file: string, steps: Steps }

export class IncludeError extends Error {
  /** Where the mistake stands: the `$include` itself, or a place inside the included file. */
  readonly origin: Origin
  readonly line: number | undefined
  readonly column: number | undefined

  constructor (message: string, origin: Origin, line?: number, column?: number) {
    super(message)
    this.name = 'IncludeError'
    this.origin = origin
    this.line = line
    this.column = column
  }
}

export interface IncludeInput {
  value: unknown
  configPath: string
  homeDir: string
  env: { readonly [name: string]: string | undefined }
}

export interface Included {
  value: unknown
  includedPaths: string[]
  /** Text of every included file by path, for line numbers. */
  texts: Map<string, string>
  originOf (steps: Steps): Origin
  /** Reserved names that were taken out of included files. */
  reserved: Origin[]
}

type Json = { [key: string]: unknown }

function hasInclude (value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (!Array.isArray(value) && Object.hasOwn(value, includeKey)) return true
  return Object.values(value).some(hasInclude)
}

const isInside = (root: string, path: string): boolean => {
  const way = relative(root, path)
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way))
}

const rootsOf = async ({ configPath, homeDir, env }: IncludeInput): Promise<string[]> => {
  const more = (env['OPENCLAW_INCLUDE_ROOTS'] ?? '').split(delimiter).map(root => root.trim()).filter(root => root !== '')
  const roots = [dirname(configPath), ...more.map(root => expandPath(root, homeDir))]
  return await Promise.all(roots.map(root => realpath(root).catch(() => root)))
}

/** Reads a regular file that has one name only, so that nobody can be made to read a file by linking it here. */
async function readConfined (path: string, roots: readonly string[]): Promise<{ path: string, text: string }> {
  const real = await realpath(path)
  if (!roots.some(root => isInside(root, real))) throw new Error('is outside the directory of the configuration (and OPENCLAW_INCLUDE_ROOTS)')
  let handle: FileHandle | undefined
  try {
    handle = await open(real, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))
    const { nlink, size, isFile } = await handle.stat().then(stat => ({ nlink: stat.nlink, size: stat.size, isFile: stat.isFile() }))
    if (!isFile) throw new Error('is not a regular file')
    if (nlink > 1) throw new Error('has several hard links')
    if (size > maxFileBytes) throw new Error(`is larger than ${maxFileBytes} bytes`)
    return { path: real, text: await handle.readFile('utf8') }
  } finally {
    await handle?.close()
  }
}

const reasonOf = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException
  return code === 'ENOENT' ? 'does not exist' : code === undefined ? message : `cannot be read (${code})`
}

/** Puts included files in their places. Without any `$include` the value comes back as it is. */
export async function resolveIncludes (input: IncludeInput): Promise<Included> {
  const texts = new Map<string, string>()
  const origins = new Map<string, Origin>()
  const reserved: Origin[] = []
  const originOf = (steps: Steps): Origin => {
    for (let known = steps.length; known >= 0; known--) {
      const origin = origins.get(formatPath(steps.slice(0, known)))
      if (origin) return { file: origin.file, steps: [...origin.steps, ...steps.slice(known)] }
    }
    return { file: input.configPath, steps }
  }
  if (!hasInclude(input.value)) return { value: input.value, includedPaths: [], texts, originOf, reserved }

  const roots = await rootsOf(input)
  const parsed = new Map<string, unknown>()
  let files = 0

  const load = async (name: unknown, origin: Origin, chain: readonly string[]): Promise<{ path: string, value: unknown }> => {
    const refuse = (why: string): never => { throw new IncludeError(`${includeKey} ${JSON.stringify(name)} ${why}`, origin) }
    if (typeof name !== 'string' || name.trim() === '') return refuse('is no file name')
    if (name.includes('\0')) return refuse('contains a NUL character')
    if (name.length >= maxPathChars) return refuse(`is longer than ${maxPathChars} characters`)
    if (chain.length > maxDepth) return refuse(`is nested deeper than ${maxDepth} files`)
    if (++files > maxFiles) return refuse(`is more than ${maxFiles} includes`)
    const file = await readConfined(resolve(dirname(origin.file), name), roots).catch((error: unknown) => refuse(reasonOf(error)))
    if (chain.includes(file.path)) return refuse(`includes itself: ${[...chain, file.path].join(' -> ')}`)
    if (!parsed.has(file.path)) {
      texts.set(file.path, file.text)
      parsed.set(file.path, await parseIncluded(file, reserved))
    }
    return { path: file.path, value: parsed.get(file.path) }
  }

  /** Copies `value`, written at `origin`, to `at` of the merged configuration, where `before` may stand already. */
  const place = async (before: unknown, value: unknown, at: Steps, origin: Origin, chain: readonly string[]): Promise<unknown> => {
    origins.set(formatPath(at), origin)
    if (Array.isArray(value)) {
      const merged: unknown[] = Array.isArray(before) ? before : []
      for (const [index, item] of value.entries()) {
        merged.push(await place(undefined, item, [...at, merged.length], { ...origin, steps: [...origin.steps, index] }, chain))
      }
      return merged
    }
    if (!isObject(value)) return value
    const merged = Object.hasOwn(value, includeKey)
      ? await placeIncluded(before, value, at, origin, chain)
      : isObject(before) ? before : {}
    for (const [key, item] of Object.entries(value)) {
      if (key === includeKey) continue
      const target = merged as Json
      target[key] = await place(target[key], item, [...at, key], { ...origin, steps: [...origin.steps, key] }, chain)
    }
    return merged
  }

  const placeIncluded = async (before: unknown, value: Json, at: Steps, origin: Origin, chain: readonly string[]): Promise<unknown> => {
    const here = { ...origin, steps: [...origin.steps, includeKey] }
    const names = Array.isArray(value[includeKey]) ? value[includeKey] as unknown[] : [value[includeKey]]
    let merged = before
    for (const name of names) {
      const file = await load(name, here, chain)
      merged = await place(merged, file.value, at, { file: file.path, steps: [] }, [...chain, file.path])
    }
    if (Object.keys(value).length > 1 && !isObject(merged)) throw new IncludeError(`keys beside ${includeKey} need an included object`, here)
    return merged ?? {}
  }

  const start = await realpath(input.configPath).catch(() => input.configPath)
  const value = await place(undefined, input.value, [], { file: input.configPath, steps: [] }, [start])
  return { value, includedPaths: [...texts.keys()], texts, originOf, reserved }
}

async function parseIncluded (file: { path: string, text: string }, reserved: Origin[]): Promise<unknown> {
  try {
    const value = await parseConfigText(file.text)
    for (const steps of dropReservedKeys(value)) reserved.push({ file: file.path, steps })
    return value
  } catch (error) {
    if (!(error instanceof ConfigSyntaxError)) throw error
    throw new IncludeError(error.message, { file: file.path, steps: [] }, error.line, error.column)
  }
}
