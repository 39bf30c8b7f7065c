/* Builds and packs, installs the tarball as a user would, and starts what was installed: there is no src/ to fall back to. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const scratch = mkdtempSync(join(tmpdir(), 'openclaw-package-'))
const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`, HOME: join(scratch, 'home') }
const installed = join(scratch, 'app', 'node_modules', 'openclaw-gateway')
const patienceMs = 60_000
let tarball, port, gateway

const run = (file, args, cwd) => execFileSync(file, args, { cwd, env: { ...env, HOME: process.env.HOME }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

function expect (condition, text) {
  if (!condition) throw new Error(text)
}

async function freePort () {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  await new Promise(resolve => server.close(resolve))
  return port
}

async function get (path) {
  const untilMs = Date.now() + patienceMs
  for (;;) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}${path}`)
      return { status: response.status, body: await response.json() }
    } catch (error) {
      expect(gateway.exitCode === null, `the gateway ended with ${gateway.exitCode}`)
      expect(Date.now() < untilMs, `no answer from ${path}: ${error.message}`)
      await delay(50)
    }
  }
}

const checks = {
  'the package is built and packed' () {
    const [{ filename }] = JSON.parse(run('npm', ['pack', '--json', '--loglevel=error', '--pack-destination', scratch], root).replace(/^[^[]*/, ''))
    tarball = join(scratch, filename)
    expect(existsSync(tarball), `${tarball} is missing`)
  },
  'it holds what it needs to run, and neither source nor tests' () {
    const files = run('tar', ['-tzf', tarball], root).split('\n')
    for (const file of ['bin/openclaw.js', 'dist/cli.main.js', 'dist/LICENSES.txt', 'openclaw.example.json5', 'LICENSE', 'README.md', 'package.json']) {
      expect(files.includes(`package/${file}`), `${file} is missing`)
    }
    const foreign = files.find(file => /^package\/(src|test|bench|node_modules)\//.test(file))
    expect(foreign === undefined, `${foreign} does not belong there`)
  },
  'the tarball installs' () {
    run('npm', ['install', '--prefix', join(scratch, 'app'), '--no-audit', '--no-fund', '--loglevel=error', tarball], scratch)
    expect(existsSync(installed) && !existsSync(join(installed, 'src')), 'it was not installed')
  },
  'the installed command tells its version' () {
    const { version } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
    const printed = run(join(scratch, 'app', 'node_modules', '.bin', 'openclaw'), ['--version'], scratch)
    expect(printed.includes(version), `it printed ${printed}`)
  },
  'the installed gateway starts without src/ and answers GET /health': async () => {
    port = await freePort()
    gateway = spawn(join(scratch, 'app', 'node_modules', '.bin', 'openclaw-gateway'), ['gateway', 'run', '--allow-unconfigured', '--port', String(port)], { cwd: scratch, env, stdio: ['ignore', 'inherit', 'inherit'] })
    const { status, body } = await get('/health')
    expect(status === 200 && body.ok === true && body.status === 'live', `${status} ${JSON.stringify(body)}`)
  },
  'SIGTERM ends it with exit code 0 and frees the port': async () => {
    const ended = once(gateway, 'exit')
    gateway.kill('SIGTERM')
    const [code, signal] = await Promise.race([ended, delay(patienceMs, ['still running'], { ref: false })])
    expect(code === 0, `it ended with ${code ?? signal}`)
    const server = createServer().listen(port, '127.0.0.1')
    await once(server, 'listening')
    server.close()
  }
}

let passed = 0
for (const [title, check] of Object.entries(checks)) {
  try {
    await check()
    passed++
    console.log(`ok - ${title}`)
  } catch (error) {
    console.log(`not ok - ${title}: ${error.message}`)
  }
}
gateway?.kill('SIGKILL')
rmSync(scratch, { recursive: true, force: true })
const failed = Object.keys(checks).length - passed
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
