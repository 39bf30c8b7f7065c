import t from 'tap'
import type { Tool, ToolResult } from '../../src/tools/tool.ts'
import { createSimulatedClock } from '../fixtures/simulated-clock.ts'
import { createScene, hourMs, mortal, owner } from './scene.ts'

const commandJob = (argv: readonly string[], more: object = {}, payload: object = {}): { [field: string]: unknown } => ({
  name: 'disk', schedule: { kind: 'every', everyMs: hourMs }, sessionTarget: 'isolated', wakeMode: 'now', payload: { kind: 'command', argv, ...payload }, ...more
})

const ended = (exitCode: number | null, aggregated: string, more: object = {}): ToolResult =>
  ({ content: [], details: { status: 'completed', exitCode, exitReason: 'exit', aggregated, ...more } })

interface Asked { readonly args: { readonly [name: string]: unknown }, readonly signal: AbortSignal }

function execOf (answer: (asked: Asked) => ToolResult | Promise<ToolResult>): { readonly exec: Pick<Tool, 'name' | 'run'>, readonly asked: Asked[] } {
  const asked: Asked[] = []
  return {
    asked,
    exec: {
      name: 'exec',
      async run (args, { signal }) {
        asked.push({ args, signal })
        return await answer({ args, signal })
      }
    }
  }
}

const announced = { delivery: { mode: 'announce' }, failureAlert: false }

t.test('what a command prints is told, and how it ended is in the history', async t => {
  const answers = [ended(0, 'all is well\n'), ended(0, 'NO_REPLY\n'), ended(3, 'no space left'), ended(null, 'half', { exitReason: 'timeout', status: 'failed' })]
  const { exec, asked } = execOf(() => answers.shift()!)
  const { cron, clock, sent, requests } = await createScene({ startAt: '2027-01-01T00:00:00Z', exec })
  await cron.begin()
  await cron.add(commandJob(['df', '-h', '/srv/a b'], announced, { cwd: '/srv', env: { LANG: 'C' }, timeoutSeconds: 9, noOutputTimeoutSeconds: 5 }), owner)
  await clock.pass(4 * hourMs)
  t.match(asked[0]!.args, { command: 'df -h \'/srv/a b\'', workdir: '/srv', env: { LANG: 'C' }, timeoutSeconds: 9, noOutputTimeoutMs: 5000 })
  t.same(sent.map(({ text }) => text), ['all is well', 'no space left', 'half'])
  t.match(await cron.runs({ sortDir: 'asc' }), {
    entries: [
      { status: 'ok', summary: 'all is well', deliveryStatus: 'delivered' },
      { status: 'ok', deliverySuppressionReason: 'silent' },
      { status: 'error', error: 'the command ended with code 3', summary: 'no space left' },
      { status: 'error', error: 'the command ran out of time', summary: 'half' }
    ]
  })
  t.same(requests, [], 'no agent was asked')
})

t.test('a command that was refused, or that an agent may not run, says so', async t => {
  const refusal = 'exec was refused: commands are denied here (tools.exec.security).'
  const { exec } = execOf(() => ({ content: [], isError: true, details: { status: 'error', error: refusal } }))
  for (const [scene, error] of [[{ exec }, refusal], [{}, /may run no commands: openclaw tools why exec/]] as const) {
    const { cron, clock, sent } = await createScene({ startAt: '2027-01-01T00:00:00Z', ...scene })
    await cron.begin()
    await cron.add(commandJob(['true'], announced), owner)
    await clock.pass(hourMs)
    t.match(await cron.runs({}), { total: 1, entries: [{ status: 'error', error }] })
    t.same(sent, [])
  }
})

t.test('whatever moment a gateway ends in, a command is not begun twice for one slot', async t => {
  const clock = createSimulatedClock(Date.parse('2027-01-01T00:00:00Z'))
  const { store, kill, kept } = mortal()
  const { exec, asked } = execOf(async () => await new Promise<ToolResult>(() => {}))
  const before = await createScene({ clock, store, exec })
  await before.cron.begin()
  await before.cron.add(commandJob(['backup']), owner)
  await clock.pass(hourMs)
  kill()
  const after = await createScene({ clock, store: kept, exec })
  await after.cron.begin()
  await clock.pass(60_000)
  t.equal(asked.length, 1)
  t.match(await after.cron.runs({}), { total: 1, entries: [{ status: 'error', error: /not begun again for this slot/ }] })
  t.match(await after.cron.list({}), { jobs: [{ state: { nextRunAtMs: Date.parse('2027-01-01T02:00:00Z') } }] })
})

t.test('a job that is removed while its command is at work ends the command', async t => {
  const { exec, asked } = execOf(async ({ signal }) => await new Promise<ToolResult>(resolve => {
    signal.addEventListener('abort', () => resolve(ended(null, '', { exitReason: 'aborted' })))
  }))
  const { cron, clock, sent } = await createScene({ startAt: '2027-01-01T00:00:00Z', exec })
  await cron.begin()
  const { id } = await cron.add(commandJob(['sleep', '9999'], announced), owner) as { id: string }
  await clock.pass(hourMs)
  await cron.remove(id)
  await clock.pass(1000)
  t.ok(asked[0]!.signal.aborted)
  t.same(sent, [])
})

t.test('commands are for the owner of the gateway, and for no conversation', async t => {
  const { cron } = await createScene({ startAt: '2027-01-01T00:00:00Z' })
  const stranger = { isOwner: false }
  await t.rejects(cron.add(commandJob(['true']), stranger), { code: 'FORBIDDEN' })
  const { id } = await cron.add(commandJob(['true']), owner) as { id: string }
  await t.rejects(cron.update(id, { patch: { schedule: { kind: 'every', everyMs: 1000 } } }, stranger), { code: 'FORBIDDEN' })
  await t.rejects(cron.update(id, { patch: { payload: { kind: 'command', argv: ['rm'] } } }, stranger), { code: 'FORBIDDEN' })
  t.match(await cron.update(id, { patch: { payload: { kind: 'command', cwd: '/tmp' } } }, owner), { payload: { argv: ['true'], cwd: '/tmp' } })
  const wrong: ReadonlyArray<readonly [object, RegExp]> = [
    [commandJob(['true'], { sessionTarget: 'main' }), /sessionTarget "isolated"/],
    [commandJob([' ']), /names no program/],
    [commandJob([]), /argv/],
    [commandJob(['a\0b']), /argv/],
    [commandJob(['true'], {}, { toolsAllow: ['read'] }), /the tool exec/],
    [commandJob(['true'], {}, { input: 'x' }), /does not offer input of commands/],
    [commandJob(['true'], {}, { timeoutSeconds: 86_400 }), /timeoutSeconds/]
  ]
  for (const [job, message] of wrong) await t.rejects(cron.add(job as { [field: string]: unknown }, owner), { message }, JSON.stringify(job))
})
