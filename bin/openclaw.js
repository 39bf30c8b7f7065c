#!/usr/bin/env node
/* This file keeps to what Node 12 parses: an old Node has to get as far as the sentence that refuses it. */
import { existsSync } from 'fs'
import { dirname, join } from 'path'
import { fileURLToPath } from 'url'
import { setFlagsFromString } from 'v8'
import { useCompileCache } from './compile-cache.js'

const oldestNode = '22.19.0'
const self = fileURLToPath(import.meta.url)
const root = dirname(dirname(self))

const [major, minor] = process.versions.node.split('.').map(Number)
const [oldestMajor, oldestMinor] = oldestNode.split('.').map(Number)
if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) start()
else startOnPinnedNode()

function start () {
  muteKnownWarnings()
  leaveOptimizerAsleep()
  useCompileCache(root)
  const program = existsSync(join(root, 'src', 'cli', 'main.ts')) ? '../src/cli/main.ts' : '../dist/cli.main.js'
  import(program).then(
    loaded => loaded.main(process.argv.slice(2), process),
    error => fail(explainMissing(error) || error.stack)
  ).then(code => { if (typeof code === 'number') process.exitCode = code }, error => fail(error.stack || error))
}

function fail (text) {
  process.stderr.write('openclaw: ' + text + '\n')
  process.exitCode = 1
}

function explainMissing (error) {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') return undefined
  if (/find package/.test(error.message)) return 'its dependencies are not installed. Run: npm ci --prefix ' + root
  if (/dist.cli\.main\.js/.test(error.message)) return 'this package was not built. Run: npm run build --prefix ' + root
  return undefined
}

/*
 * Resolving a hundred modules makes one function of Node hot, and waking the optimizing compiler for it costs every command
 * milliseconds and five megabytes of memory. A gateway wakes it once it is up (src/host/rest.ts); no other command lives so long.
 */
function leaveOptimizerAsleep () {
  setFlagsFromString('--no-turbofan')
}

/* Node 22 announces type stripping and node:sqlite on every start; nobody who runs a command can act on either. */
function muteKnownWarnings () {
  const emit = process.emitWarning
  process.emitWarning = function (warning, type) {
    if (type === 'ExperimentalWarning' && /SQLite|Type Stripping/.test(String(warning))) return
    emit.apply(process, arguments)
  }
}

function startOnPinnedNode () {
  const pinned = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  if (!existsSync(pinned) || process.execPath === pinned) {
    fail('needs Node ' + oldestNode + ' or newer, and this is ' + process.version + ' (' + process.execPath + '). Install a newer Node from https://nodejs.org')
    return
  }
  import('child_process').then(childProcess => {
    const child = childProcess.spawn(pinned, process.execArgv.concat(self, process.argv.slice(2)), { stdio: 'inherit' })
    mirror(child)
  })
}

/* The child sits in our place: it gets what we are sent, and we end as it ends. */
function mirror (child) {
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2']
  /* On a terminal Ctrl-C reaches the whole group, and a second SIGINT would cut the stop short. */
  const forwarded = signals.map(signal => [signal, () => { if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal) }])
  forwarded.forEach(([signal, forward]) => process.on(signal, forward))
  child.on('error', error => fail(error.message))
  child.on('exit', (code, signal) => {
    forwarded.forEach(([name, forward]) => process.removeListener(name, forward))
    if (signal) process.kill(process.pid, signal)
    else process.exitCode = code
  })
}
