import { spawn, spawnSync, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, readdirSync, realpathSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { transformSync } from 'esbuild'
import t, { type Test } from 'tap'
import { root } from '../boundaries/source-tree.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

const launcher = join(root, 'bin', 'openclaw.js')
/** What an installed package has of `bin/`. */
const launcherFiles = ['openclaw.js', 'compile-cache.js']

/** Says what it was given and what it runs on; waits for a signal when told to. */
const program = (name: string) => `
  import { getCompileCacheDir } from 'node:module'
  export async function main (argv, io) {
    if (argv[0] === 'wait') for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2']) process.on(signal, () => { console.log(signal); process.exit(7) })
    if (argv[0] === 'wait') setInterval(() => {}, 1000)
    io.stdout.write(JSON.stringify({ name: '${name}', argv, pid: process.pid, cache: getCompileCacheDir(), execPath: process.execPath }) + '\\n')
    if (argv[0] === 'warn') { process.emitWarning('SQLite is an experimental feature', 'ExperimentalWarning'); process.emitWarning('mind the gap') }
    return argv[0] === 'fail' ? 3 : 0
  }`

const posix = process.platform !== 'win32'
/** Node as a user has it: tap loads itself into every Node below it, with warnings of its own; `env` comes between. */
const [node, ...nodeArgs] = posix ? ['env', '-u', 'NODE_OPTIONS', process.execPath] : [process.execPath]

interface Package {
  readonly directory: string
  readonly home: string
  run (args: readonly string[], options?: SpawnOptions & { flags?: readonly string[] }): ReturnType<typeof spawnSync>
  start (args: readonly string[], flags?: readonly string[]): ReturnType<typeof spawn>
  said (args: readonly string[], env?: NodeJS.ProcessEnv): { name: string, argv: string[], cache?: string }
}

/** An installation in a folder of its own, with a program that only tells about itself. */
function installation (t: Test, parts: readonly ('src' | 'dist')[]): Package {
  const base = realpathSync(ownDirectory(t))
  const directory = join(base, 'package')
  const home = join(base, 'home')
  for (const folder of [join(directory, 'bin'), join(directory, 'node_modules'), home]) mkdirSync(folder, { recursive: true, mode: 0o755 })
  for (const name of launcherFiles) copyFileSync(join(root, 'bin', name), join(directory, 'bin', name))
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }')
  if (parts.includes('src')) {
    mkdirSync(join(directory, 'src', 'cli'), { recursive: true })
    writeFileSync(join(directory, 'src', 'cli', 'main.ts'), program('src'))
  }
  if (parts.includes('dist')) {
    mkdirSync(join(directory, 'dist'))
    writeFileSync(join(directory, 'dist', 'cli.main.js'), program('dist'))
  }
  const { NODE_COMPILE_CACHE, XDG_CACHE_HOME, ...rest } = process.env
  const env = { ...rest, HOME: home }
  const own = join(directory, 'bin', 'openclaw.js')
  const run: Package['run'] = (args, { flags = [], ...options } = {}) =>
    spawnSync(node!, [...nodeArgs, ...flags, own, ...args], { encoding: 'utf8', env, ...options })
  return {
    directory,
    home,
    run,
    start: (args, flags = []) => {
      const child = spawn(node!, [...nodeArgs, ...flags, own, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
      t.teardown(() => { child.kill('SIGKILL') })
      return child
    },
    said: (args, extra = {}) => JSON.parse(String(run(args, { env: { ...env, ...extra } }).stdout))
  }
}

/** Flags that make Node believe it is older, and a pinned Node that is given none of them. */
function oldNode (t: Test, { directory }: Package, version = '20.20.2'): { flags: string[], pin: () => void } {
  const pretend = join(directory, 'pretend.cjs')
  writeFileSync(pretend, `
    Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })
    Object.defineProperty(process, 'version', { value: 'v${version}' })`)
  const pin = (): void => {
    const pinned = join(directory, 'node_modules', 'node', 'bin', 'node')
    mkdirSync(join(pinned, '..'), { recursive: true })
    writeFileSync(pinned, `#!/bin/sh\nshift 2\nexec '${process.execPath}' "$@"\n`)
    chmodSync(pinned, 0o755)
  }
  return { flags: ['--require', pretend], pin }
}

t.test('a checkout runs its source, also beside a build', async t => {
  t.match(installation(t, ['src', 'dist']).said(['a', '--b']), { name: 'src', argv: ['a', '--b'] })
})

t.test('an installed package without source runs what was built', async t => {
  t.match(installation(t, ['dist']).said(['a']), { name: 'dist', argv: ['a'] })
})

t.test('the exit code is the one that the program returns', async t => {
  const { run } = installation(t, ['dist'])
  t.equal(run([]).status, 0)
  t.equal(run(['fail']).status, 3)
})

t.test('a new enough Node runs the program itself, without another process', async t => {
  const { start } = installation(t, ['src'])
  const child = start([])
  const [line] = await once(createInterface(child.stdout!), 'line') as [string]
  t.equal(JSON.parse(line).pid, child.pid)
})

t.test('a Node that is too old is refused with one line', async t => {
  const own = installation(t, ['src'])
  for (const version of ['12.22.12', '20.20.2', '22.18.0']) {
    const { status, stdout, stderr } = own.run([], { flags: oldNode(t, own, version).flags })
    t.equal(status, 1)
    t.equal(stdout, '')
    t.match(stderr, new RegExp(`^openclaw: needs Node 22\\.19\\.0 or newer, and this is v${version} \\(.*\\)\\. Install a newer Node.*\\n$`))
  }
  t.equal(own.run([], { flags: oldNode(t, own, '22.19.0').flags }).status, 0, 'the oldest that will do')
})

t.test('the oldest Node is the one that package.json names', async t => {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  t.match(readFileSync(launcher, 'utf8'), `const oldestNode = '${engines.node.replace('>=', '')}.0'`)
})

t.test('an old Node reads the launcher as far as its refusal', async t => {
  for (const name of launcherFiles) {
    const syntax = (target: string) => transformSync(readFileSync(join(root, 'bin', name), 'utf8'), { target }).code
    t.equal(syntax('node12.20'), syntax('esnext'), `nothing in ${name} is younger than Node 12`)
  }
})

t.test('an old Node hands over to the pinned one, with arguments and exit code', { skip: !posix && 'a shell script stands for the pinned Node' }, async t => {
  const own = installation(t, ['src'])
  const { flags, pin } = oldNode(t, own)
  pin()
  const { status, stdout } = own.run(['fail', 'x'], { flags })
  t.equal(status, 3)
  t.match(JSON.parse(String(stdout)), { name: 'src', argv: ['fail', 'x'] })
})

t.test('signals reach the pinned Node, and its end is ours', { skip: !posix && 'Windows has no signals' }, async t => {
  const own = installation(t, ['src'])
  const { flags, pin } = oldNode(t, own)
  pin()
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2'] as const) {
    const child = own.start(['wait'], flags)
    const lines = createInterface(child.stdout!)
    await once(lines, 'line')
    const ended = once(child, 'exit')
    child.kill(signal)
    t.same(await once(lines, 'line'), [signal])
    t.same(await ended, [7, null])
  }
  const child = own.start(['wait'], flags)
  const [line] = await once(createInterface(child.stdout!), 'line') as [string]
  const ended = once(child, 'exit')
  process.kill(JSON.parse(line).pid, 'SIGKILL')
  t.same(await ended, [null, 'SIGKILL'])
})

t.test('without its dependencies or without a build it says which command is missing', async t => {
  const own = installation(t, [])
  const unbuilt = own.run([])
  t.equal(unbuilt.status, 1)
  t.match(unbuilt.stderr, /^openclaw: this package was not built\. Run: npm run build --prefix .*\n$/)
  mkdirSync(join(own.directory, 'dist'))
  writeFileSync(join(own.directory, 'dist', 'cli.main.js'), "import 'no-such-package'")
  const bare = own.run([])
  t.equal(bare.status, 1)
  t.match(bare.stderr, /^openclaw: its dependencies are not installed\. Run: npm ci --prefix .*\n$/)
})

t.test('warnings about experimental parts that we rely on stay off the terminal, others do not', async t => {
  const { stderr } = installation(t, ['src']).run(['warn'])
  t.notMatch(stderr, /experimental/i)
  t.match(stderr, /mind the gap/)
})

t.test('compiled code is kept below node_modules when that is ours alone', { skip: !posix && 'looks at owners and modes' }, async t => {
  const { directory, said } = installation(t, ['src'])
  t.ok(said([]).cache?.startsWith(join(directory, 'node_modules', '.cache', 'openclaw-gateway')), 'the first choice')
})

t.test('compiled code is kept in the cache of the user when others may write to the package', { skip: !posix && 'looks at owners and modes' }, async t => {
  const { directory, home, said } = installation(t, ['src'])
  chmodSync(join(directory, 'node_modules'), 0o777)
  t.ok(said([]).cache?.startsWith(join(home, '.cache', 'openclaw-gateway')), 'the second choice')
  const own = join(home, 'elsewhere')
  t.ok(said([], { XDG_CACHE_HOME: own }).cache?.startsWith(join(own, 'openclaw-gateway')), 'where the user keeps caches')
})

t.test('compiled code is kept nowhere when others could write to it', { skip: !posix && 'looks at owners and modes' }, async t => {
  const { directory, home, said } = installation(t, ['src'])
  chmodSync(join(directory, 'node_modules'), 0o777)
  mkdirSync(join(home, '.cache'))
  chmodSync(join(home, '.cache'), 0o777)
  t.notOk(said([]).cache)
})

t.test('NODE_COMPILE_CACHE decides when it is set', async t => {
  const { home, said } = installation(t, ['src'])
  const chosen = join(home, 'chosen')
  t.ok(said([], { NODE_COMPILE_CACHE: chosen }).cache?.startsWith(chosen), 'its directory and no other')
})

t.test('the end of an installation fills the cache that the launcher uses', { skip: !posix && 'looks at owners and modes' }, async t => {
  const { directory, home } = installation(t, ['src'])
  copyFileSync(join(root, 'bin', 'warm.js'), join(directory, 'bin', 'warm.js'))
  const { NODE_COMPILE_CACHE, XDG_CACHE_HOME, ...env } = process.env
  const { status, stdout } = spawnSync(node!, [...nodeArgs, join(directory, 'bin', 'warm.js')], { encoding: 'utf8', env: { ...env, HOME: home } })
  t.same([status, stdout], [0, ''], 'and runs nothing of the program')
  const cache = join(directory, 'node_modules', '.cache', 'openclaw-gateway')
  const [version] = readdirSync(cache)
  t.ok(readdirSync(join(cache, version!)).length > 0)
})
