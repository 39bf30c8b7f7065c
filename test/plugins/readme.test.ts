/** The plugin that the README shows, exactly as it stands there. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeHome, runProcess, startDaemon } from '../fixtures/daemon.ts'
import { eventually } from '../fixtures/eventually.ts'

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
const passage = readme.slice(readme.indexOf('\n## Plugins\n'), readme.indexOf('\n## Command line\n'))
const files = [...passage.matchAll(/```\w+ title=(\S+)\n([\s\S]*?)```/g)].map(([, name, text]) => ({ name: name!, text: text! }))
const token = 'token-of-the-readme-0123456789abcdef'

t.test('the example of the README works as written, and so do the commands around it', async t => {
  t.same(files.map(({ name }) => name), ['hello/openclaw.plugin.json', 'hello/index.ts'])
  const home = await makeHome(t, { gateway: { mode: 'local', auth: { mode: 'token', token } } })
  mkdirSync(join(home.stateDir, 'hello'))
  for (const { name, text } of files) writeFileSync(join(home.stateDir, name), text)
  const openclaw = (...argv: string[]) => runProcess(argv, home.env)
  t.equal((await openclaw('config', 'set', 'plugins.load.paths', '["./hello"]')).code, 0)
  t.equal((await openclaw('config', 'set', 'plugins.entries.hello.config.greeting', 'Servus')).code, 0)
  const daemon = await startDaemon(t, home)
  await eventually(() => daemon.said().includes('loaded the plugin hello'))

  const [list, about, called] = await Promise.all([
    openclaw('plugins', 'list'),
    openclaw('plugins', 'inspect', 'hello'),
    openclaw('gateway', 'call', 'hello.greet', '--params', '{"name":"Ada"}', '--json')
  ])
  t.match(list.out, /^hello +- +enabled +Greets people$/m)
  t.match(about.out, /method hello\.greet \(operator\.read\)/)
  t.match(about.out, /route POST \/plugins\/hello\/greet \(operator\.write\)/)
  t.match(JSON.parse(called.out), { text: 'Servus, Ada!', for: String })
  const http = `http://127.0.0.1:${home.port}`
  const headers = { authorization: `Bearer ${token}` }
  const answer = await fetch(`${http}/plugins/hello/greet`, { method: 'POST', headers, body: '{"name":"Bo"}' })
  t.equal(answer.status, 200)
  t.match(await answer.json(), { text: 'Servus, Bo!', status: { ok: true, toolName: 'session_status' } })
  const invoked = await fetch(`${http}/tools/invoke`, {
    method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: '{"tool":"greet","args":{"name":"Cy"}}'
  })
  t.match(await invoked.json(), { ok: true, result: { content: [{ text: 'Servus, Cy!' }] }, source: 'plugin' })

  const disabled = await openclaw('plugins', 'disable', 'hello')
  t.equal(disabled.code, 0, disabled.err)
  t.equal((await fetch(`${http}/plugins/hello/greet`, { method: 'POST', headers, body: '{}' })).status, 404)
  t.match((await openclaw('plugins', 'doctor')).out, /1 configured, 0 loaded/)
  t.equal((await openclaw('plugins', 'enable', 'hello')).code, 0)
  t.equal((await fetch(`${http}/plugins/hello/greet`, { method: 'POST', headers, body: '{"name":"Di"}' })).status, 200)
  t.equal(await daemon.stop(), 0)
})
