import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { isAlive } from '../fixtures/is-alive.ts'
import { root } from '../boundaries/source-tree.ts'
import { eventually } from '../fixtures/eventually.ts'
import { freePort, lineWith } from '../fixtures/free-port.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

/** `npm start`, with the shell that npm puts between itself and the program. */
async function npmStart (t: Test) {
  const port = await freePort()
  const { OPENCLAW_STATE_DIR, OPENCLAW_CONFIG_PATH, ...env } = process.env
  const command = `'${process.execPath}' '${join(root, 'bin', 'start.js')}' --port ${port} & echo "program $!"; wait`
  const shell = spawn('sh', ['-c', command], { env: { ...env, HOME: ownDirectory(t) }, stdio: ['ignore', 'pipe', 'inherit'] })
  const pid = Number((await lineWith(shell.stdout, 'program ')).split(' ')[1])
  t.teardown(async () => {
    shell.kill('SIGKILL')
    if (await isAlive(pid)) process.kill(pid, 'SIGKILL')
    await eventually(() => isAlive(pid), alive => !alive)
  })
  return { shell, pid, port }
}

const skip = process.platform === 'win32' && 'needs sh'

t.test('with nothing configured it serves, and prints a call that works without a credential', { skip }, async t => {
  const { shell, port } = await npmStart(t)
  const [, url] = /curl (http\S+)/.exec(await lineWith(shell.stdout, 'curl http'))!
  t.match(url, `http://127.0.0.1:${port}/`)
  const answer = await fetch(url!)
  t.equal(answer.status, 200)
  t.match(await answer.json(), { ok: true })
})

t.test('it ends when the shell between it and npm is gone', { skip }, async t => {
  const { shell, pid } = await npmStart(t)
  await lineWith(shell.stdout, ' ready in ')
  const ended = once(shell, 'exit')
  shell.kill('SIGTERM')
  await ended
  while (await isAlive(pid)) await delay(50)
  t.pass('the program has ended')
})
