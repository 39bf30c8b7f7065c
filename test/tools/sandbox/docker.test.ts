import { createHash } from 'node:crypto'
import { test } from 'tap'
import { bytesOf } from '../../../src/tools/sandbox/container.ts'
import { createFrameReader } from '../../../src/tools/sandbox/frames.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { createFakeEngine } from './fake-engine.ts'
import { launched } from './launched.ts'
import { createSandboxScene, type SandboxScene } from './scene.ts'

const main = { agentId: 'main', sessionKey: 'agent:main:main' }

async function dockerScene (t: { teardown (fn: () => unknown): void }, docker: object = {}, sandbox: object = {}) {
  const engine = await createFakeEngine(t)
  const scene: SandboxScene = createSandboxScene(t, { sandbox: { mode: 'all', docker: { host: engine.host, ...docker }, ...sandbox } })
  return { engine, scene }
}

test('a command runs in a container of its own that is gone afterwards', async t => {
  const { engine, scene } = await dockerScene(t)
  const ended = await scene.run('echo out; echo err >&2; exit 7', { env: { COLOUR: 'teal' } })
  t.same(ended, { code: 7, signal: null, out: 'out\n', err: 'err\n' })
  await eventually(() => engine.containers.size === 0)
  t.same(engine.calls, [
    'GET containers/json', 'POST containers/create', 'POST containers/<id>/attach', 'POST containers/<id>/start', 'POST containers/<id>/wait',
    'DELETE containers/<id>'
  ])
  t.equal((await scene.run('cat', { stdin: 'input'.repeat(100_000) })).out.length, 500_000)
  t.equal((await scene.run('head -c 3000000 /dev/zero')).out.length, 3_000_000)
})

test('the container is told to keep out of everything that it was not given', async t => {
  const { engine, scene } = await dockerScene(t, { image: 'img', memory: '1g', cpus: 1.5, env: { LANG: 'C.UTF-8' } }, { workspaceAccess: 'ro' })
  const launcher = await scene.sandbox.launcherFor(main)
  const child = await launched(launcher, 'sleep 30', { cwd: scene.workspace, env: { OPENCLAW_EXEC_ID: 'x', COLOUR: 'teal', PATH: '/x' }, stdin: 'ignore' })
  const { name, spec } = [...engine.containers.values()][0]!
  t.match(name, /^openclaw-sbx-agent-main-[0-9a-f]{12}-[0-9a-f]{8}$/)
  t.match(spec, {
    Image: 'img', Cmd: ['/bin/sh', '-c', 'sleep 30'], WorkingDir: '/workspace', Tty: false, OpenStdin: false,
    HostConfig: {
      NetworkMode: 'none', ReadonlyRootfs: true, CapDrop: ['ALL'], SecurityOpt: ['no-new-privileges'], Privileged: false, PidsLimit: 256,
      Memory: 1024 ** 3, NanoCpus: 1_500_000_000, RestartPolicy: { Name: 'no' }
    }
  })
  t.same(spec.HostConfig.Mounts, [
    { Type: 'bind', Source: scene.workspace, Target: '/workspace', ReadOnly: true }, { Type: 'bind', Source: scene.workspace, Target: '/agent', ReadOnly: true }
  ])
  t.not(spec.User.split(':')[0], '0')
  t.ok(['LANG=C.UTF-8', 'COLOUR=teal', 'HOME=/tmp'].every(entry => spec.Env.includes(entry)))
  t.notOk(spec.Env.some((entry: string) => entry.startsWith('PATH=')))
  child.kill('SIGKILL')
})

test('ending the process that stands for a container ends the container', async t => {
  const { engine, scene } = await dockerScene(t)
  const launcher = await scene.sandbox.launcherFor(main)
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const child = await launched(launcher, 'echo ready; exec sleep 1000', { cwd: scene.workspace, env: {}, stdin: 'ignore' })
    const exited = new Promise(resolve => child.once('exit', resolve))
    await new Promise(resolve => child.stdout!.once('data', resolve))
    const [container] = engine.containers.values()
    const ended = new Promise(resolve => container!.process!.once('exit', resolve))
    child.kill(signal)
    await Promise.all([exited, ended])
    await eventually(() => engine.containers.size === 0)
    t.pass(signal)
  }
  t.ok(engine.calls.includes('POST containers/<id>/kill'), 'asked first where there is time')
  const child = await launched(launcher, 'sleep 1000', { cwd: scene.workspace, env: {}, stdin: 'ignore' })
  await scene.sandbox.close()
  t.equal(engine.containers.size, 0, 'none outlives the gateway')
  child.kill('SIGKILL')
})

test('what an earlier life of this gateway left behind is removed, and nothing of others', async t => {
  const { engine, scene } = await dockerScene(t)
  const owner = createHash('sha256').update(scene.stateDir).digest('hex').slice(0, 16)
  engine.remember('mine', { 'ai.openclaw.gateway.sandbox': owner })
  engine.remember('theirs', { 'ai.openclaw.gateway.sandbox': 'another' })
  await scene.sandbox.launcherFor(main)
  t.same([...engine.containers.keys()], ['theirs'])
})

test('without an engine, without an image, or with a setting that would open the machine nothing runs', async t => {
  const { engine, scene } = await dockerScene(t, { image: 'absent' })
  await t.rejects(scene.run('echo ran'), /could not be made \(No such image: absent:latest\)\. Fetch the image: docker pull absent/)
  const nowhere = createSandboxScene(t, { sandbox: { mode: 'all', backend: 'docker', docker: { host: 'unix:///nowhere/engine.sock' } } })
  await t.rejects(nowhere.run('echo ran'), /Refused: .* the container engine at unix:\/\/\/nowhere\/engine\.sock is not there .*\. Start Docker/)
  for (const docker of [{ network: 'host' }, { network: 'container:other' }, { host: 'ftp://x' }]) {
    const open = createSandboxScene(t, { sandbox: { mode: 'all', docker: { host: engine.host, ...docker } } })
    await t.rejects(open.run('echo ran'), /^Refused: this session runs its commands in a sandbox/)
  }
  const base = scene.base
  const binds = ['/:/host', '/etc:/etc2', '/var/run/docker.sock:/s', `${base}/state:/s`, `${base}/state/openclaw.json:/s`, '/usr/share:/usr/bin', 'x:/y', '/usr/share', '/absent:/x']
  for (const bind of binds) {
    const open = createSandboxScene(t, { sandbox: { mode: 'all', docker: { host: engine.host, binds: [bind.replace(base, '/proc/self')] } } })
    await t.rejects(open.run('echo ran'), /sandbox\.docker\.binds/, bind)
  }
  const started = createSandboxScene(t, { sandbox: { mode: 'all', workspaceAccess: 'rw', docker: { host: engine.host } } })
  const { mkdirSync } = await import('node:fs')
  mkdirSync(`${started.workspace}/unstartable`)
  t.match(await started.run('true', { cwd: `${started.workspace}/unstartable` }), { code: 126, err: /the container did not start: the directory is not there/ })
})

test('frames are read however they were cut', async t => {
  const frame = (stream: number, text: string): Buffer => Buffer.concat([Buffer.from([stream, 0, 0, 0, 0, 0, 0, text.length]), Buffer.from(text)])
  const wire = Buffer.concat([frame(1, 'hello'), frame(2, ''), frame(2, 'oops'), frame(1, 'x'.repeat(100))])
  for (const size of [1, 2, 3, 7, 8, 9, 13, 64, 1000]) {
    const read = createFrameReader()
    const said = { stdin: '', stdout: '', stderr: '' }
    for (let at = 0; at < wire.length; at += size) {
      for (const { stream, data } of read(wire.subarray(at, at + size))) said[stream] += data.toString()
    }
    t.same(said, { stdin: '', stdout: `hello${'x'.repeat(100)}`, stderr: 'oops' }, String(size))
  }
  t.throws(() => createFrameReader()(Buffer.from('HTTP/1.1 500')), /something else than the streams/)
  t.same(['512m', '1.5g', '100', '2KB', 'much', 7].map(bytesOf), [512 * 1024 ** 2, 1.5 * 1024 ** 3, 100, 2048, undefined, 7])
})
