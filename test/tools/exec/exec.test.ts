import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { randomInt } from 'node:crypto'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import t from 'tap'
import { detailsOf, execDesk, processesWith, textOf, until } from './exec-desk.ts'

/** A duration that no other process on this machine sleeps for. */
const odd = (): string => `${randomInt(10_000, 99_999)}.${randomInt(10_000, 99_999)}`

t.test('a command tells what it printed and how it ended', async t => {
  const { exec, workspace } = await execDesk(t)
  const result = await exec({ command: 'echo out; echo err >&2; exit 3' })
  t.match(result.content, [{ type: 'text', text: 'out\nerr\n\n(Command exited with code 3)' }])
  t.match(result.details, {
    status: 'completed', exitCode: 3, exitSignal: null, exitReason: 'exit', durationMs: Number, aggregated: 'out\nerr\n', noOutputTimedOut: false, cwd: workspace
  })
  t.not(result.isError, true, 'a code other than zero is an answer, not a failure')
  t.match(await exec({ command: 'kill -9 $$' }), { details: { status: 'failed', exitSignal: 'SIGKILL' }, isError: true })
})

t.test('the environment of the gateway stays with the gateway', async t => {
  const { exec } = await execDesk(t, { environment: { OPENCLAW_GATEWAY_TOKEN: 'canary-1', OPENAI_API_KEY: 'canary-2', NODE_OPTIONS: '--canary-3', MY_TOKEN: 'canary-4', LANG: 'C.UTF-8' } })
  const { aggregated } = detailsOf(await exec({ command: 'env', env: { GREETING: 'hello' } }))
  t.notMatch(aggregated, /canary/)
  t.match(aggregated, /^LANG=C.UTF-8$/m)
  t.match(aggregated, /^GREETING=hello$/m)
  for (const name of ['LD_PRELOAD', 'ld_preload', 'LD_LIBRARY_PATH', 'DYLD_INSERT_LIBRARIES', 'NODE_OPTIONS', 'PATH', 'BASH_ENV', 'ENV', 'BASH_FUNC_ls%%', 'GIT_SSH_COMMAND', 'PYTHONPATH', 'PERL5OPT',
    'OPENCLAW_STATE_DIR', 'HOME', 'IFS', 'PROMPT_COMMAND', 'PAGER', 'npm_config_script_shell', 'A=B', 'HTTPS_PROXY', 'MAKEFLAGS']) {
    await t.rejects(exec({ command: 'true', env: { [name]: 'x' } }), /env/, name)
  }
})

t.test('a command works in its workspace, wherever links lead', async t => {
  const { exec, workspace } = await execDesk(t)
  await symlink('/etc', join(workspace, 'etc'))
  await mkdir(join(workspace, 'sub'))
  t.match(await exec({ command: 'pwd', workdir: 'sub' }), { details: { cwd: join(workspace, 'sub') } })
  for (const workdir of ['etc', '/etc', '..', 'sub/../..', 'etc/../..', '/proc/self/cwd/..']) {
    t.match(await exec({ command: 'pwd', workdir }), { isError: true, details: { status: 'error', tool: 'exec', error: /outside the workspace/ } }, workdir)
  }
})

t.test('allowed directories widen where it may work, denied ones win', async t => {
  const { exec } = await execDesk(t, { exec: { allowedPaths: ['/usr'], denyPaths: ['/usr/share'] } })
  t.match(await exec({ command: 'true', workdir: '/usr/lib' }), { details: { status: 'completed' } })
  t.match(await exec({ command: 'true', workdir: '/usr/share' }), { details: { error: /denyPaths/ } })
  t.match(await exec({ command: 'cat /usr/share/x' }), { details: { error: /denyPaths/ } })
})

t.test('secrets in use are masked in what was printed', async t => {
  const secret = 'canary-0123456789-secret'
  const { exec, workspace, process } = await execDesk(t, { secrets: [secret] })
  await writeFile(join(workspace, 'key'), secret)
  t.notMatch(JSON.stringify(await exec({ command: 'cat key' })), /canary/)
  const { sessionId } = detailsOf(await exec({ command: `echo ${secret}; cat`, background: true }))
  await until(async () => /\*\*\*/.test(textOf(await process({ action: 'log', sessionId }))))
  for (const action of ['list', 'poll', 'log'] as const) t.notMatch(JSON.stringify(await process({ action, sessionId })), /canary/)
})

t.test('the end of a run ends everything that its command started', async t => {
  const { exec } = await execDesk(t)
  const [child, grandchild, escaped, orphan] = [odd(), odd(), odd(), odd()]
  const run = new AbortController()
  const script = `sleep ${child} & (sleep ${grandchild} &) ; setsid sleep ${escaped} & (setsid sh -c 'trap "" TERM; sleep ${orphan}; :' &) ; trap "" TERM; sleep ${child}`
  const pending = exec({ command: script }, { signal: run.signal })
  for (const word of [child, grandchild, escaped, orphan]) t.ok(await until(async () => (await processesWith(word)).some(Boolean)), 'it runs')
  run.abort()
  t.match(await pending, { details: { exitReason: 'aborted', status: 'failed' }, isError: true })
  for (const word of [child, grandchild, escaped, orphan]) t.ok(await until(async () => (await processesWith(`sleep\0${word}`)).length === 0), 'it is gone')
})

t.test('time limits end the whole tree and say which one it was', async t => {
  const { exec } = await execDesk(t)
  const word = odd()
  const [late, silent] = await Promise.all([
    exec({ command: `sleep ${word} & wait`, timeoutSeconds: 0.3 }), exec({ command: `echo x; sleep ${word}`, noOutputTimeoutMs: 1000 })
  ])
  t.match(late, { details: { exitReason: 'timeout', timedOut: true, status: 'failed' }, isError: true })
  t.match(silent, { details: { exitReason: 'no-output-timeout', noOutputTimedOut: true, aggregated: 'x\n' } })
  t.ok(await until(async () => (await processesWith(word)).length === 0))
})

t.test('what a shell leaves behind does not outlive it, nor hold its answer back', async t => {
  const { exec } = await execDesk(t)
  const word = odd()
  t.match(await exec({ command: `sleep ${word} & echo done` }), { details: { exitCode: 0, aggregated: 'done\n' } })
  t.ok(await until(async () => (await processesWith(`sleep\0${word}`)).length === 0))
})

t.test('a long command goes on in the background and can be talked to', async t => {
  const { exec, process, notices, workspace } = await execDesk(t, { exec: { backgroundMs: 100 } })
  const slow = await exec({ command: 'echo begun; while [ ! -e go ]; do sleep 0.05; done; echo ended' })
  t.match(slow.details, { status: 'running', sessionId: /^[a-z]+-[a-z]+/, pid: Number, startedAt: Number, cwd: String, tail: /^(begun\n)?$/, followUp: String })
  t.ok(await until(async () => textOf(await process({ action: 'log', sessionId: detailsOf(slow).sessionId })).startsWith('begun')))
  const talk = detailsOf(await exec({ command: 'while read line; do echo "heard $line"; done', background: true }))
  t.match(await process({ action: 'write', sessionId: talk.sessionId, data: 'one\n' }), { details: { status: 'running' } })
  t.match(await process({ action: 'poll', sessionId: talk.sessionId, timeout: 5000 }), { details: { output: 'heard one\n' } })
  await process({ action: 'submit', sessionId: talk.sessionId, data: 'two', eof: true })
  t.match(textOf(await process({ action: 'poll', sessionId: talk.sessionId, timeout: 5000 })), /^heard two/)
  t.match(detailsOf(await process({ action: 'list' })).sessions, [{ sessionId: detailsOf(slow).sessionId }, { sessionId: talk.sessionId, command: /while/, runtimeMs: Number, idleMs: Number }])
  await writeFile(join(workspace, 'go'), '')
  t.ok(await until(() => notices.length === 2), 'the session hears of the end')
  t.match(notices.map(({ text }) => text).join(), /ended with code 0[^]*ended/)
  t.match(textOf(await process({ action: 'log', sessionId: detailsOf(slow).sessionId })), 'begun\nended')
  t.match(await process({ action: 'clear', sessionId: talk.sessionId }), { details: { status: 'completed' } })
  t.match(await process({ action: 'log', sessionId: talk.sessionId }), { isError: true })
})

t.test('background commands belong to their agent and can be ended', async t => {
  const { exec, process, notices } = await execDesk(t)
  const word = odd()
  const { sessionId } = detailsOf(await exec({ command: `sleep ${word} & wait`, background: true }))
  for (const action of ['poll', 'log', 'write', 'kill', 'remove'] as const) t.match(await process({ action, sessionId }, { agentId: 'other' }), { isError: true }, action)
  t.same(detailsOf(await process({ action: 'list' }, { agentId: 'other' })).sessions, [])
  t.match(await process({ action: 'clear', sessionId }), { isError: true }, 'what runs is not forgotten')
  t.match(await process({ action: 'kill', sessionId }), { details: { status: 'completed', exitReason: 'killed' } })
  t.ok(await until(async () => (await processesWith(word)).length === 0))
  t.same(notices, [], 'whoever ended it knows')
})

t.test('rules refuse a command before anything is started', async t => {
  const { exec, workspace } = await execDesk(t, { exec: { allowedCommands: ['echo', 'ls'] } })
  t.match(await exec({ command: 'echo fine' }), { details: { status: 'completed' } })
  t.match(await exec({ command: 'touch made' }), { isError: true, details: { status: 'error', error: /touch is not on the allowlist/ } })
  t.match(await exec({ command: 'echo x | sh' }), { details: { error: /sh without a file/ } })
  t.match(await exec({ command: 'touch made', security: 'full', ask: 'off' }), { details: { status: 'error' } }, 'a call cannot widen them')
  await t.rejects(readFile(join(workspace, 'made')))
  const off = await execDesk(t, { exec: { mode: 'deny' } })
  t.match(await off.exec({ command: 'echo x' }), { details: { error: /switched off/ } })
})

t.test('a person who is away means no', async t => {
  const { exec } = await execDesk(t, { exec: { mode: 'ask', allowedCommands: ['ls'] } })
  t.match(await exec({ command: 'ls' }), { details: { status: 'completed' } })
  t.match(await exec({ command: 'date' }, { runId: 'run' }), { isError: true, details: { error: /headless runs cannot wait/ } })
  await t.rejects(exec({ command: 'date' }), { name: 'ToolBlocked', message: /headless runs cannot wait/ }, 'as a program is told')
})

t.test('a hundred megabytes cost neither memory nor the loop', async t => {
  const { exec } = await execDesk(t)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const before = process.memoryUsage().rss
  delay.enable()
  const started = performance.now()
  const big = exec({ command: 'echo first; head -c 100000000 /dev/zero | tr "\\0" "x"; echo; echo last' })
  const small = Array.from({ length: 15 }, (_, index) => exec({ command: `echo ${index}` }))
  const [printed, ...others] = await Promise.all([big, ...small])
  const tookMs = performance.now() - started
  delay.disable()
  t.same(others.map(result => detailsOf(result).aggregated), Array.from({ length: 15 }, (_, index) => `${index}\n`))
  const { aggregated, outputBytes } = detailsOf(printed!)
  t.equal(outputBytes, 100_000_000 + 'first\n\nlast\n'.length)
  t.ok(aggregated.length < 200_000)
  t.match(aggregated, /^first\nx+[^]*bytes left out[^]*x+\nlast\n$/)
  t.comment(`p99 ${delay.percentile(99) / 1e6} ms, max ${delay.max / 1e6} ms, all ${tookMs} ms, memory ${(process.memoryUsage().rss - before) / 1e6} MB`)
  t.ok(delay.percentile(99) / 1e6 < tookMs / 4, 'the loop was free for nearly all of the time')
  t.ok(process.memoryUsage().rss - before < 80e6, 'and the output was not kept')
})
