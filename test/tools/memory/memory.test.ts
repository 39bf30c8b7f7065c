import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createMemoryScene } from './scene.ts'

const group = 'agent:main:telegram:group:-100'

t.test('what was written down is found by its words, with its place', async t => {
  const { write, search, get } = await createMemoryScene(t, { nowMs: Date.parse('2026-11-21T12:00:00Z') })
  write('MEMORY.md', '# Long term\n\n- Anna likes green tea.\n- The nexus runs on atlas.\n')
  write('memory/2026-11-20.md', '# 2026-11-20\n\nTalked about the nexus migration; decided to wait.\n')
  write('memory/people/paul.md', 'Paul plays chess on Thursdays.\n')
  const { results, provider, debug, text } = await search('what did we decide about the nexus migration?')
  t.match(results, [{
    path: 'memory/2026-11-20.md',
    startLine: 1,
    endLine: 3,
    score: Number,
    textScore: Number,
    snippet: /decided to wait\.\n\nSource: memory\/2026-11-20\.md#L1-L3$/,
    source: 'memory',
    corpus: 'memory',
    citation: 'memory/2026-11-20.md#L1-L3',
    provenance: { originClass: 'agent', sessionKind: 'unknown', observedAt: Number },
    content: /decided to wait\.$/,
    metadata: { date: '2026-11-20', updatedAt: /Z$/, startLine: 1 }
  }])
  t.notHas(results[0], { vectorScore: Number })
  t.equal(provider, 'none')
  t.match(debug, { backend: 'builtin', hits: 1 })
  t.match(JSON.parse(text), { results: [{ path: 'memory/2026-11-20.md' }], provider: 'none' }, 'the model reads the same')
  t.notMatch(text, /"content"/, 'and nothing twice')
  t.match((await search('chess')).results, [{ path: 'memory/people/paul.md', score: 1 }])
  t.same((await search('quantum entanglement')).results, [])
  t.match((await get({ path: 'MEMORY.md', from: 3, lines: 1 })).details, {
    status: 'ok', text: '- Anna likes green tea.\n', path: 'MEMORY.md', from: 3, lines: 1, truncated: true, nextFrom: 4
  })
  t.same((await get({ path: 'memory/2020-01-01.md' })).details, { status: 'not_found', text: '', path: 'memory/2020-01-01.md' })
})

t.test('the index follows the files: written, renamed, removed, and back with other content under the old time', async t => {
  const { write, paths, workspace, search } = await createMemoryScene(t)
  t.same(await paths('alpha'), [], 'without any file')
  write('memory/a.md', 'alpha one')
  t.same(await paths('alpha'), ['memory/a.md'])
  const { atime, mtime } = statSync(join(workspace, 'memory/a.md'))
  write('memory/a.md', 'gamma one')
  utimesSync(join(workspace, 'memory/a.md'), atime, mtime)
  t.same(await paths('alpha'), [])
  t.same(await paths('gamma'), ['memory/a.md'], 'as long as before, at the time of before')
  renameSync(join(workspace, 'memory/a.md'), join(workspace, 'memory/b.md'))
  t.same(await paths('gamma'), ['memory/b.md'])
  rmSync(join(workspace, 'memory'), { recursive: true })
  t.same(await paths('gamma'), [])
  mkdirSync(join(workspace, 'memory'))
  write('memory/c.md', '\uFEFFgamma again')
  utimesSync(join(workspace, 'memory/c.md'), 1e14, 1e14)
  t.match((await search('gamma')).results, [{ path: 'memory/c.md', content: 'gamma again' }], 'whatever time it claims')
})

t.test('writing that puts no blanks between words is searched all the same', async t => {
  const scene = await createMemoryScene(t)
  scene.write('memory/a.md', '会议纪要在共享盘里。')
  scene.write('memory/b.md', '今天天气很好。')
  t.same(await scene.paths('会议'), ['memory/a.md'])
  t.same(await scene.paths('天气'), ['memory/b.md'])
  await scene.configure({ memory: { search: { store: { fts: { tokenizer: 'trigram' } } } } })
  t.same(await scene.paths('共享盘'), ['memory/a.md'], 'also with the other way to index')
  scene.write('memory/c.md', 'deployments')
  t.same(await scene.paths('ployment'), ['memory/c.md'])
})

t.test('an index that is damaged, foreign or taken away is made anew', async t => {
  const { write, paths, indexFile, memory } = await createMemoryScene(t)
  write('MEMORY.md', 'the nexus')
  t.same(await paths('nexus'), ['MEMORY.md'])
  t.equal((statSync(indexFile).mode & 0o777).toString(8), '600')
  const whole = readFileSync(indexFile)
  const damages: ReadonlyArray<readonly [string, () => void]> = [
    ['overwritten', () => writeFileSync(indexFile, 'no database at all'.repeat(1000))],
    ['emptied', () => writeFileSync(indexFile, '')],
    ['full of noise', () => writeFileSync(indexFile, Buffer.concat([whole.subarray(0, 100), Buffer.alloc(whole.length, 7)]))],
    ['a directory', () => { rmSync(indexFile); mkdirSync(indexFile) }],
    ['gone', () => rmSync(indexFile, { recursive: true })]
  ]
  for (const [what, damage] of damages) {
    for (const suffix of ['-wal', '-shm']) rmSync(indexFile + suffix, { force: true })
    damage()
    t.same(await paths('nexus'), ['MEMORY.md'], what)
  }
  await memory.forget('main')
  t.equal(statSync(indexFile, { throwIfNoEntry: false }), undefined)
  t.same(await paths('nexus'), ['MEMORY.md'], 'forgotten')
})

t.test('what cannot be read is left out, and the status says why', async t => {
  const { base, workspace, write, paths, status } = await createMemoryScene(t)
  writeFileSync(join(base, 'secret.md'), 'the nexus of others')
  mkdirSync(join(base, 'elsewhere'))
  writeFileSync(join(base, 'elsewhere', 'a.md'), 'the nexus of others')
  write('memory/good.md', 'the nexus')
  write('memory/broken.md', Buffer.from([0xff, 0xfe, 0x6e, 0x65, 0x80, 0x0a]))
  write('memory/binary.md', Buffer.from('nexus\0\0\0nexus'))
  write('memory/large.md', 'nexus '.repeat(1_000_000))
  write('memory/picture.png', 'nexus')
  write('memory/.hidden.md', 'nexus')
  symlinkSync(join(base, 'secret.md'), join(workspace, 'memory', 'link.md'))
  symlinkSync(join(base, 'elsewhere'), join(workspace, 'memory', 'door'))
  symlinkSync('nowhere', join(workspace, 'memory', 'dangling.md'))
  mkdirSync(join(workspace, 'memory', 'directory.md'))
  execFileSync('mkfifo', [join(workspace, 'memory', 'pipe.md')])
  t.same(await paths('nexus'), ['memory/good.md'])
  const { skipped, files, chunks, left } = await status()
  t.same(skipped?.map(({ path, reason }) => `${path} ${reason}`).sort(), [
    'memory/binary.md is not text',
    'memory/dangling.md is a link, and links are not followed',
    'memory/door is a link, and links are not followed',
    'memory/large.md is larger than 4 MB',
    'memory/link.md is a link, and links are not followed',
    'memory/pipe.md is no regular file'
  ])
  t.match({ files, chunks, left }, { files: 2, chunks: 2, left: 0 })
})

t.test('a memory that is a link is none', async t => {
  const { base, workspace, paths, status, get } = await createMemoryScene(t)
  mkdirSync(join(base, 'elsewhere'))
  writeFileSync(join(base, 'elsewhere', 'a.md'), 'the nexus of others')
  symlinkSync(join(base, 'elsewhere'), join(workspace, 'memory'))
  symlinkSync(join(base, 'elsewhere', 'a.md'), join(workspace, 'MEMORY.md'))
  t.same(await paths('nexus'), [])
  t.match((await status()).skipped, [{ path: 'MEMORY.md' }, { path: 'memory' }])
  for (const path of ['MEMORY.md', 'memory/a.md']) t.match(await get({ path }), { isError: true, text: /Not allowed/ })
})

t.test('memory_get shows nothing but memory', async t => {
  const { base, workspace, write, get } = await createMemoryScene(t, { source: { tools: { exec: { denyPaths: ['~/state/workspace/memory/closed'] } } } })
  writeFileSync(join(base, 'secret.md'), 'secret')
  write('SOUL.md', 'soul')
  write('memory/notes.txt', 'text')
  write('memory/closed/a.md', 'closed')
  write('memory/binary.md', Buffer.from('a\0b'))
  write('MEMORY.md', 'long term')
  linkSync(join(base, 'secret.md'), join(workspace, 'memory', 'hard.txt'))
  symlinkSync('../SOUL.md', join(workspace, 'memory', 'soul.md'))
  const foreign = ['SOUL.md', 'memory/notes.txt', 'memory', 'memory/../SOUL.md', '../../secret.md', '/etc/hostname', 'memory/hard.txt', 'memory/soul.md', '~/secret.md', 'MEMORY.md/..']
  for (const path of foreign) t.match(await get({ path }), { isError: true, text: /no file of memory|Not allowed|is outside/ }, path)
  t.match(await get({ path: 'memory/closed/a.md' }), { isError: true, text: /outside/ })
  t.match(await get({ path: 'memory/binary.md' }), { isError: true, text: /not text/ })
  t.match(await get({ path: 'MEMORY.md', from: 99 }), { isError: true, text: /no line 99/ })
  t.match((await get({ path: join(workspace, 'MEMORY.md') })).details, { status: 'ok', path: 'MEMORY.md' })
})

t.test('what is closed to an agent is not found', async t => {
  const { write, paths } = await createMemoryScene(t, { source: { tools: { exec: { denyPaths: ['~/state/workspace/memory/closed'] } } } })
  write('memory/closed/a.md', 'the nexus')
  write('memory/open.md', 'the nexus')
  t.same(await paths('nexus'), ['memory/open.md'])
})

t.test('MEMORY.md stays out of groups, channels and background work, in every way to ask', async t => {
  const { write, workspace, paths, search, get } = await createMemoryScene(t)
  write('MEMORY.md', 'Anna is allergic to walnuts.')
  write('memory/2026-11-20.md', 'The kitchen was painted.')
  symlinkSync('../MEMORY.md', join(workspace, 'memory', 'alias.md'))
  t.same(await paths('walnuts'), ['MEMORY.md'])
  for (const key of [group, 'agent:main:slack:channel:c1', 'agent:main:subagent:1', 'agent:main:cron:1', 'agent:main:heartbeat:1', 'agent:main:hook:1']) {
    t.same(await paths('walnuts', { minScore: 0 }, key), [], key)
    t.same(await paths('kitchen', {}, key), ['memory/2026-11-20.md'], key)
    for (const path of ['MEMORY.md', 'memory/alias.md', './memory/../MEMORY.md']) t.match(await get({ path }, key), { isError: true, text: /stays out/ }, key)
  }
  const [known, unknown] = [await search('kitchen walnuts', {}, group), await search('kitchen zebras', {}, group)]
  t.equal(known.results[0]?.score, unknown.results[0]?.score, 'no score tells what stands there')
  t.notMatch(known.results[0]?.snippet, /Source:/, 'people who read along see no places')
  t.same(await paths('walnuts', {}, 'agent:main:telegram:direct:7'), ['MEMORY.md'])
})

t.test('a conversation in a sandbox hears of no more than it could read', async t => {
  const { base, write, search, get, memory } = await createMemoryScene(t, {
    plan: async ({ sessionKey }) => sessionKey === group
      ? { id: 'x', cwd: '/workspace', mounts: [{ target: '/workspace', source: base + '/other', access: 'rw' }], masks: [], settings: {} as never }
      : undefined
  })
  mkdirSync(join(base, 'other'))
  write('memory/a.md', 'the nexus')
  t.match(await search('nexus', {}, group), { results: [], unavailable: true, error: /does not see/, action: /workspaceAccess/ })
  t.match(await get({ path: 'memory/a.md' }, group), { isError: true })
  t.match(await memory.search({ query: 'nexus' }, { agentId: 'main', sessionKey: 'agent:main:main' }, new AbortController().signal), { results: [{}] })
})

t.test('a search that cannot be is answered with what to do', async t => {
  const scene = await createMemoryScene(t)
  scene.write('MEMORY.md', 'the nexus')
  const corpus = (corpus: string) => scene.search('nexus', { corpus })
  t.match(await corpus('sessions'), { results: [], disabled: true, unavailable: true, action: /sessions_search/ })
  t.match(await corpus('wiki'), { results: [], disabled: true, error: /no wiki/ })
  t.match(await corpus('all'), { results: [{ path: 'MEMORY.md' }] })
  t.match((await scene.search('?!')).results, [], 'without a word')
  await scene.configure({ memory: { search: { enabled: false } }, agents: { entries: { main: { memory: { search: { enabled: true, query: { maxResults: 1 } } } } } } })
  t.match(await scene.search('nexus'), { results: [{}] }, 'one agent may have it where others do not')
  await scene.configure({ memory: { search: { enabled: false } } })
  t.match(await scene.search('nexus'), { results: [], disabled: true, action: /memory\.search\.enabled/ })
  await t.rejects(scene.search('x'.repeat(2001)), /2000/)
  await t.rejects(scene.search('x', { maxResults: 1000 }), /50/)
})

t.test('many searches at once, while files come and go, are all answered', async t => {
  const { write, search, workspace } = await createMemoryScene(t)
  for (let at = 0; at < 50; at++) write(`memory/n${at}.md`, `nexus number ${at}\n`.repeat(20))
  const asked = Array.from({ length: 30 }, async (_, at) => {
    if (at % 3 === 0) rmSync(join(workspace, 'memory', `n${at}.md`))
    if (at % 5 === 0) write(`memory/new${at}.md`, 'another nexus')
    return await search('another nexus number')
  })
  for (const { results } of await Promise.all(asked)) t.equal(results.length, 6)
})

t.test('a memory that is closed answers no more, and hires nobody', async t => {
  const { write, paths, search, memory } = await createMemoryScene(t)
  write('MEMORY.md', 'the nexus')
  t.same(await paths('nexus'), ['MEMORY.md'])
  const asking = search('nexus')
  await memory.close()
  await asking
  t.match(await search('nexus'), { results: [], unavailable: true })
})
