/*
 * `npm test`: installs what is missing, lints, checks types, runs the tests, and closes with what passed and failed: tap's own count
 * of assertions, with lint and types as one check each. OPENCLAW_TEST_NODE names another Node than the pinned one to run it all on.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { installMissing, root } from './install.js'

installMissing()
const pinned = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
const node = process.env.OPENCLAW_TEST_NODE || (existsSync(pinned) ? pinned : process.execPath)
const env = testEnvironment()
await leaveOutCompiler()
const [lint, types] = await Promise.all([check('lint', 'eslint', ['.']), check('types', 'tsc', ['--noEmit'])])
const tests = await runTests(process.argv.slice(2))

const passed = lint + types + tests.pass
const failed = 2 - lint - types + tests.fail
console.log(`${passed} passed, ${failed} failed${tests.skip > 0 ? `, ${tests.skip} skipped` : ''}`)
process.exitCode = failed === 0 ? 0 : 1

/** What the user has configured for his own gateway is none of the tests' business. */
function testEnvironment () {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('OPENCLAW_') || name.startsWith('OPENCLAW_TEST_'))
  // Hundreds of processes load the same modules: this way they are compiled once.
  const cache = join(root, 'node_modules', '.cache', 'openclaw-tests')
  return { NODE_COMPILE_CACHE: cache, ...Object.fromEntries(kept), PATH: [dirname(node), join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter) }
}

/** The script behind a command of node_modules/.bin, so that it runs on the Node we chose. */
function scriptOf (command) {
  const name = command === 'tsc' ? 'typescript' : command
  const { bin } = JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8'))
  return join(root, 'node_modules', name, bin[command])
}

function start (command, args) {
  return spawn(node, [scriptOf(command), ...args], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] })
}

function ended (child) {
  return new Promise(resolve => {
    child.on('error', error => { console.log(error.message); resolve(1) })
    child.on('close', code => resolve(code))
  })
}

async function check (title, command, args) {
  const child = start(command, args)
  let output = ''
  child.stdout.on('data', text => { output += text })
  const ok = await ended(child) === 0
  console.log(ok ? `ok - ${title}` : `${output}not ok - ${title}`)
  return Number(ok)
}

/** tap comes built with a TypeScript compiler. Our configuration leaves it out, because Node strips types; tap notices one run too late. */
async function leaveOutCompiler () {
  const built = join(root, 'node_modules', '@tapjs', 'test', 'test-built', 'dist', 'esm', 'index.js')
  if (existsSync(built) && !readFileSync(built, 'utf8').includes('@tapjs/typescript')) return
  const child = start('tap', ['build'])
  child.stdout.resume()
  await ended(child)
}

/** Prints one line for each file, and for a file that failed what failed in it. The whole of it goes to .tap/last-run.tap. */
async function runTests (files) {
  const child = start('tap', ['--reporter=tap', ...files])
  const exit = ended(child)
  const all = []
  let block = []
  let counts
  for await (const line of createInterface(child.stdout)) {
    all.push(line)
    counts = countsIn(line) ?? counts
    if (/^not ok /.test(line)) console.log([...block.filter(isTelling), line].join('\n'))
    else if (/^ok /.test(line)) console.log(line)
    else if (!/^(#|TAP|1\.\.)/.test(line)) block.push(line)
    if (/^(not )?ok /.test(line)) block = []
  }
  mkdirSync(join(root, '.tap'), { recursive: true })
  writeFileSync(join(root, '.tap', 'last-run.tap'), all.join('\n') + '\n')
  const code = await exit
  const { total = 0, pass = 0, fail = 0, skip = 0, todo = 0 } = counts ?? {}
  return { pass, skip: skip + todo, fail: fail === 0 && (code !== 0 || total === 0) ? 1 : fail }
}

function isTelling (line) {
  return line.trim() !== '' && !/^\s*(ok \d|1\.\.\d|# Subtest|# time)/.test(line)
}

/** `# { total: 12, pass: 3, fail: 7, todo: 1, skip: 1 }` closes the stream. */
function countsIn (line) {
  const found = /^# \{ (total: .*) \}$/.exec(line)
  return found === null ? undefined : Object.fromEntries(found[1].split(', ').map(pair => [pair.split(': ')[0], Number(pair.split(': ')[1])]))
}
