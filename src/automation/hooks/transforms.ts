/** Functions of the operator that turn what came in into a call, from one directory and nowhere else. */
import { realpath, stat } from 'node:fs/promises'
import { isAbsolute, relative, resolve, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Scope } from './template.ts'

export type Transform = (context: Scope) => unknown

export class TransformProblem extends Error {}

const isInside = (directory: string, path: string): boolean => {
  const way = relative(directory, path)
  return way !== '' && !isAbsolute(way) && way.split(sep)[0] !== '..'
}

async function locate (directory: string, module: string): Promise<string> {
  if (isAbsolute(module)) throw new TransformProblem('hooks.mappings: transform.module must be relative to hooks.transformsDir')
  const root = await realpath(directory).catch(() => { throw new TransformProblem('hooks.transformsDir does not exist') })
  const path = await realpath(resolve(root, module)).catch(() => { throw new TransformProblem(`the transform ${module} does not exist`) })
  // After links were followed: a link that leads out leads nowhere.
  if (!isInside(root, path)) throw new TransformProblem(`the transform ${module} lies outside hooks.transformsDir`)
  return path
}

/** Loaded anew when the file has changed. */
export async function loadTransform (directory: string, { module, export: name = 'default' }: { module: string, export?: string }): Promise<Transform> {
  const path = await locate(directory, module)
  const { mtimeMs, size } = await stat(path)
  const loaded = await import(`${pathToFileURL(path).href}?v=${mtimeMs}-${size}`) as { readonly [name: string]: unknown }
  const found = Object.hasOwn(loaded, name) ? loaded[name] : undefined
  if (typeof found !== 'function') throw new TransformProblem(`the transform ${module} exports no function named ${name}`)
  return found as Transform
}
