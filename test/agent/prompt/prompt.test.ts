import { chmodSync, existsSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { frontMatter } from '../../../src/lib/front-matter.ts'
import { createTalk } from './scene.ts'

t.test('the files of the workspace go into the prompt, in their order, cut at the limit with a mark', async t => {
  const { write, say, system } = await createTalk(t, { defaults: { bootstrapMaxChars: 40 } })
  write('AGENTS.md', 'Rules of the house.')
  write('SOUL.md', 'Dry humour.')
  write('USER.md', `Called Ada. ${'x'.repeat(200)}`)
  write('MEMORY.md', 'Likes tea.')
  write('HEARTBEAT.md', 'Look at the door.')
  write('BOOTSTRAP.md', 'Ask for a name.')
  write('NOTES.md', 'not a file of the prompt')
  await say('hi')
  const text = system()
  const places = ['AGENTS.md\n\nRules of the house.', 'SOUL.md\n\nDry humour.', 'USER.md\n\nCalled Ada.', 'MEMORY.md\n\nLikes tea.', 'HEARTBEAT.md\n\nLook', 'BOOTSTRAP.md\n\nAsk']
    .map(part => text.indexOf(part))
  t.notOk(places.includes(-1), text)
  t.same(places, places.toSorted((a, b) => a - b))
  t.match(text, /Called Ada\. x{28}\n\[cut after 40 characters; the rest is in USER\.md\]/)
  t.notMatch(text, /not a file of the prompt/)
})

t.test('a change of a file is seen by a later turn', async t => {
  const clock = { ms: Date.now() }
  const { write, say, system } = await createTalk(t, {}, () => clock.ms)
  write('AGENTS.md', 'First words.')
  await say('hi')
  t.match(system(), /First words\./)
  write('AGENTS.md', 'Other words, and more.')
  clock.ms += 5_000
  await say('again')
  t.match(system(), /Other words, and more\./)
  t.notMatch(system(), /First words\./)
})

t.test('a workspace that nobody has used begins with short private files, and what is there stays', async t => {
  const { workspace, say, system } = await createTalk(t)
  t.notOk(existsSync(workspace), 'not before the first turn')
  await say('hi')
  t.same(readdirSync(workspace).sort(), ['AGENTS.md', 'IDENTITY.md', 'SOUL.md', 'TOOLS.md', 'USER.md'])
  t.equal(statSync(workspace).mode & 0o777, 0o700)
  for (const name of readdirSync(workspace)) t.equal(statSync(join(workspace, name)).mode & 0o777, 0o600)
  t.match(system(), /How to work here/, 'and they count at once')
})

t.test('with skipBootstrap nothing is created, and a workspace in use is left alone', async t => {
  const skipping = await createTalk(t, { defaults: { skipBootstrap: true } })
  await skipping.say('hi')
  t.notOk(existsSync(skipping.workspace))
  t.match(skipping.system(), /^You are main/)
  const used = await createTalk(t)
  used.write('AGENTS.md', 'Mine.')
  await used.say('hi')
  t.same(readdirSync(used.workspace), ['AGENTS.md'])
})

t.test('nothing outside the workspace is read, and the turn goes on', async t => {
  const { workspace, write, say, system, gateway } = await createTalk(t)
  const outside = join(gateway.stateDir, 'secret.txt')
  writeFileSync(outside, 'the secret of somebody else')
  write('AGENTS.md', 'Mine.')
  symlinkSync(outside, join(workspace, 'SOUL.md'))
  symlinkSync(gateway.stateDir, join(workspace, 'skills'))
  t.match((await say('hi')).payload, { state: 'final' })
  t.match(system(), /Mine\./)
  t.notMatch(system(), /secret of somebody/)
  t.ok(gateway.log.some(line => line.includes('is left out of the prompt') && line.includes('SOUL.md')))
})

t.test('a workspace that cannot be written to does not keep the agent from answering', async t => {
  const { gateway, say, system } = await createTalk(t, { defaults: { workspace: '/dev/null/nowhere' } })
  t.match((await say('hi')).payload, { state: 'final' })
  t.match(system(), /^You are main/)
  t.ok(gateway.log.some(line => line.includes('first files of a workspace could not be created')))
})

t.test('skills are listed by name and description alone', async t => {
  const { write, say, system, workspace } = await createTalk(t)
  write('AGENTS.md', 'Mine.')
  write('skills/tea/SKILL.md', '---\nname: tea\ndescription: "How to make tea"\n---\nBoil water at once.')
  write('skills/long/SKILL.md', `---\nname: Long one\ndescription: >\n  First line\n  ${'x'.repeat(400)}\n---\n`)
  write('skills/hidden/SKILL.md', '---\nname: hidden\ndisable-model-invocation: true\n---\n')
  write('skills/README.md', '---\nname: no skill\n---\n')
  await say('hi')
  t.match(system(), /- tea: How to make tea\n/)
  t.match(system(), /- Long one: First line x+… \(skills\/long\)\n/)
  t.notMatch(system(), /Boil water|hidden|no skill/)
  rmSync(join(workspace, 'skills'), { recursive: true })
})

t.test('the prompt knows day, zone, clock, agent, model and channel, and ends with what the request adds', async t => {
  const { say, system, client, server } = await createTalk(t, {
    defaults: { userTimezone: 'Asia/Tokyo', timeFormat: '12h' }, entries: { main: { name: 'Iris' } }
  }, () => Date.parse('2026-11-21T20:00:00Z'))
  await say('hi')
  t.match(system(), /^You are Iris,/)
  t.match(system(), /Sunday,? 22 November 2026 in the time zone of the user, Asia\/Tokyo\. Write times with a 12-hour clock\./)
  t.match(system(), /Agent main, model local\/m, channel webchat, workspace /)
  const before = server.requests.length
  await client.request('agent', { message: 'x', sessionKey: 'agent:main:telegram:direct:7', idempotencyKey: 'extra', extraSystemPrompt: 'Speak like a pirate.' }, 20_000)
  await client.frame(({ id, payload }) => id !== undefined && payload?.runId === 'extra' && payload.status === 'ok', 20_000)
  t.equal(server.requests.length, before + 1)
  t.match(system(), /channel telegram/)
  t.match(system(), /\n\nSpeak like a pirate\.$/)
})

t.test('a time zone that does not exist is reported once and replaced', async t => {
  const { say, system, gateway } = await createTalk(t, { defaults: { userTimezone: 'Mars/Olympus', timeFormat: '24h' } })
  await say('hi')
  await say('again')
  t.match(system(), /in the time zone of the user, \S+\. Write times with a 24-hour clock\./)
  t.equal(gateway.log.filter(line => line.includes('is no time zone')).length, 1)
})

t.test('what a person wrote into MEMORY.md stays out of groups and background work', async t => {
  const { write, say, system } = await createTalk(t)
  write('AGENTS.md', 'Mine.')
  write('MEMORY.md', 'Likes tea.')
  for (const sessionKey of ['agent:main:telegram:group:-5', 'agent:main:subagent:one', 'agent:main:cron:job']) {
    await say('hi', { sessionKey })
    t.match(system(), /Mine\./)
    t.notMatch(system(), /Likes tea/, sessionKey)
  }
  await say('hi')
  t.match(system(), /Likes tea/)
})

t.test('a file that the gateway may not read is left out', { skip: process.getuid?.() === 0 && 'root may read everything' }, async t => {
  const { write, workspace, say, system } = await createTalk(t)
  write('AGENTS.md', 'Mine.')
  write('SOUL.md', 'Dry humour.')
  chmodSync(join(workspace, 'SOUL.md'), 0)
  await say('hi')
  t.notMatch(system(), /Dry humour/)
})

t.test('front matter is read whatever its quotes and line ends', async t => {
  t.same([...frontMatter('---\r\nname: a\r\ndescription: |\r\n  b\r\n  c\r\n---\r\nbody: no')], [['name', 'a'], ['description', ' b c']])
  t.same([...frontMatter('no front matter\nname: a')], [])
  t.same([...frontMatter('---\nname: never closed')], [])
})
