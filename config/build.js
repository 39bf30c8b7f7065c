/**
 * Makes dist/, which an installed package runs: node cannot strip types below node_modules. Dependencies are bundled in, because
 * that starts in two thirds of the time with a tenth less memory, and because the package then runs what was tested, whatever a
 * registry answers on the day of the installation. What is imported lazily stays a file of its own.
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const source = join(root, 'src')
const outdir = join(root, 'dist')

/** `src/store/sqlite/writer.ts` becomes `dist/store.sqlite.writer.js`: all output lies side by side, so that chunks find each other. */
const outputName = file => relative(source, file).replaceAll(sep, '.').replace(/\.ts$/, '')

/** Workers are started by `new URL('./name.ts', import.meta.url)`, which makes the file named there an entry of its own. */
const workerPattern = /new URL\('(\.{1,2}\/[^']+)\.ts', import\.meta\.url\)/g

const sourceFiles = readdirSync(source, { recursive: true }).map(name => join(source, name)).filter(name => name.endsWith('.ts'))
const workers = sourceFiles.flatMap(file =>
  [...readFileSync(file, 'utf8').matchAll(workerPattern)].map(([, name]) => resolve(dirname(file), `${name}.ts`)))

/** Gives every module the URL that it has in src/ (with dist/ for src/), whichever chunk it ends up in. */
const moduleUrls = {
  name: 'module-urls',
  setup: ({ onLoad }) => onLoad({ filter: /\.ts$/ }, ({ path }) => {
    if (!path.startsWith(source)) return undefined
    const contents = readFileSync(path, 'utf8')
      .replace(workerPattern, (_, name) => `new URL('./${outputName(resolve(dirname(path), `${name}.ts`))}.js', __chunkUrl)`)
      .replaceAll('import.meta.url', `new URL('${relative(source, path).replaceAll(sep, '/')}', __chunkUrl).href`)
      .replaceAll('__chunkUrl', 'import.meta.url')
    return { contents, loader: 'ts' }
  })
}

/** What CommonJS packages expect to find around them. */
const commonJs = `import { createRequire as __createRequire } from 'node:module'
import { fileURLToPath as __fileURLToPath } from 'node:url'
const require = __createRequire(import.meta.url), __filename = __fileURLToPath(import.meta.url), __dirname = __fileURLToPath(new URL('.', import.meta.url))`

/** The bundled packages ask that their licences travel with them. */
function licencesOf (inputs) {
  const directories = inputs.map(input => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1])
  return [...new Set(directories.filter(directory => directory !== undefined))].sort().map(directory => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, directory, 'package.json'), 'utf8'))
    const file = readdirSync(join(root, directory)).find(entry => /^(licen[cs]e|copying)/i.test(entry))
    return `${name} ${version} (${license})\n\n${file === undefined ? '' : readFileSync(join(root, directory, file), 'utf8').trim()}\n`
  }).join(`\n${'-'.repeat(80)}\n\n`)
}

const typescript = createRequire(import.meta.url).resolve('typescript/bin/tsc')
execFileSync(process.execPath, [typescript, '--project', join(root, 'config', 'tsconfig.build.json')], { stdio: 'inherit' })
rmSync(outdir, { recursive: true, force: true })
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: [join(source, 'cli', 'main.ts'), ...new Set(workers)].map(file => ({ in: file, out: outputName(file) })),
  outdir,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node22.19',
  tsconfig: join(root, 'config', 'tsconfig.build.json'),
  banner: { js: commonJs },
  // Less text to read and to keep in memory; names stay, so that stack traces can be read.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  plugins: [moduleUrls],
  metafile: true,
  logLevel: 'warning'
})
// Most of the output is our own and asks for none of it: what is set up for nothing in a hundred files costs a start.
for (const file of Object.keys(metafile.outputs).filter(name => name.endsWith('.js'))) {
  const path = join(root, file)
  const text = readFileSync(path, 'utf8')
  const own = text.replace(commonJs, '')
  if (own !== text && !/\b(?:require|__filename|__dirname)\b/.test(own)) writeFileSync(path, own.trimStart())
}
// Its package looks for it beside its code, which is here now.
copyFileSync(join(root, 'node_modules', '@silvia-odwyer', 'photon-node', 'photon_rs_bg.wasm'), join(outdir, 'photon_rs_bg.wasm'))
writeFileSync(join(outdir, 'LICENSES.txt'), licencesOf(Object.keys(metafile.inputs)))
const sizes = Object.entries(metafile.outputs).map(([file, { bytes }]) => [basename(file), bytes])
console.log(`dist/: ${sizes.length} files, ${Math.round(sizes.reduce((sum, [, bytes]) => sum + bytes, 0) / 1024)} KiB`)
