/* `npm install` ends with this: compiles the source into the launcher's cache, so that the first start is like all others. */
import { readdirSync } from 'node:fs'
import nodeModule from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { useCompileCache } from './compile-cache.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
useCompileCache(root)
// An older Node, or one without a cache, has nothing to gain here, and an installation never fails for this.
if (process.features.typescript && nodeModule.getCompileCacheDir()) await compileAll().catch(() => undefined)
process.exit()

async function compileAll () {
  const files = readdirSync(join(root, 'src'), { recursive: true }).filter(name => name.endsWith('.ts'))
  await Promise.allSettled(files.map(name => import(pathToFileURL(join(root, 'src', name)).href)))
  nodeModule.flushCompileCache()
}
