#!/usr/bin/env node
/* This file keeps to what Node 12 parses: an old Node has to get as far as the sentence that refuses it. */
import { existsSync, lstatSync, mkdirSync } from 'fs'
import * as nodeModule from 'module'
import { homedir } from 'os'
import { dirname, join } from 'path'
import { fileURLToPath } from 'url'

const oldestNode = '22.19.0'
const self = fileURLToPath(import.meta.url)
const root = dirname(dirname(self))

const [major, minor] = process.versions.node.split('.').map(Number)
const [oldestMajor, oldestMinor] = oldestNode.split('.').map(Number)
if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) start()
else startOnPinnedNode()

function start () {
  muteKnownWarnings()
  useCompileCache()
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

/* Node 22 announces type stripping and node:sqlite on every start; nobody who runs a command can act on either. */
function muteKnownWarnings () {
  const emit = process.emitWarning
  process.emitWarning = function (warning, type) {
    if (type === 'ExperimentalWarning' && /SQLite|Type Stripping/.test(String(warning))) return
    emit.apply(process, arguments)
  }
}

/*
 * Without a cache the type stripper (wasm) is loaded and every module compiled at each start. The cache holds code that we run,
 * so it only ever lies where nobody but this user can write. Node itself reads NODE_COMPILE_CACHE and needs no help with it.
 */
function useCompileCache () {
  if (process.env.NODE_COMPILE_CACHE || typeof nodeModule.enableCompileCache !== 'function') return
  const userCache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache')
  const directory = privateDirectory(join(root, 'node_modules', '.cache')) || privateDirectory(userCache)
  if (directory) nodeModule.enableCompileCache(directory)
}

function privateDirectory (parent) {
  const directory = join(parent, 'openclaw-gateway')
  try {
    if (!isPrivate(dirname(parent), 0)) return undefined
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    return isPrivate(parent) && isPrivate(directory) ? directory : undefined
  } catch (error) {
    return undefined
  }
}

function isPrivate (directory, otherOwner) {
  const found = lstatSync(directory)
  if (!found.isDirectory()) return false
  if (process.getuid === undefined) return true
  return (found.uid === process.getuid() || found.uid === otherOwner) && (found.mode & 0o022) === 0
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
