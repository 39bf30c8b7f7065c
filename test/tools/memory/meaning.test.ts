import t from 'tap'
import { goodKey, type VendorServer } from '../../fixtures/providers/vendor-server.ts'
import { createMemoryScene, meaningBy, startMeanings } from './scene.ts'

const inputs = (requests: ReadonlyArray<{ readonly body: any }>): string[] => requests.flatMap(({ body }) => body.input as string[])

t.test('what means the same is found where no word is the same', async t => {
  const vendor = await startMeanings(t)
  const { write, search, status } = await createMemoryScene(t, { source: meaningBy(vendor) })
  write('MEMORY.md', 'Anna wants green tea in the morning.')
  write('memory/work.md', 'The nexus runs on atlas.')
  const { results, provider, model, warning, debug } = await search('which beverage for somebody thirsty?')
  t.match(results, [{ path: 'MEMORY.md', vectorScore: Number, score: Number }])
  t.ok(results[0]!.vectorScore! > 0.99)
  t.match({ provider, model, warning, debug }, { provider: 'box', model: 'meanings', warning: undefined, debug: { effectiveMode: 'hybrid' } })
  const exact = await search('nexus')
  t.match(exact.results, [{ path: 'memory/work.md', textScore: 1 }], 'a word that the model does not know counts as a word')
  t.match(await status(true), { provider: 'box', model: 'meanings', embedding: { ok: true, checked: true }, pending: 0, vectors: 2 })
})

t.test('no text is sent twice, wherever it comes to stand', async t => {
  const vendor = await startMeanings(t)
  const { write, search, clock } = await createMemoryScene(t, { source: meaningBy(vendor) })
  write('memory/a.md', 'tea at four')
  await search('drinks')
  t.same(inputs(vendor.requests).filter(text => text !== 'drinks'), ['tea at four'])
  write('memory/b.md', 'tea at four')
  write('memory/a.md', 'an invoice came')
  t.match((await search('drinks')).results, [{ path: 'memory/b.md' }])
  write('memory/a.md', 'tea at four\n')
  clock.nowMs += 1000
  await search('drinks')
  t.same(inputs(vendor.requests).filter(text => text !== 'drinks'), ['tea at four', 'an invoice came'])
})

t.test('many texts go in batches, and a search does not wait for all of them', async t => {
  const vendor = await startMeanings(t)
  const { write, search, memory, status } = await createMemoryScene(t, { source: meaningBy(vendor) })
  for (let at = 0; at < 60; at++) write(`memory/n${at}.md`, `note ${at} about a machine`)
  // The first request is answered at once, the next ones take their time.
  let later: VendorServer['script'] = { delayMs: 1000 }
  Object.defineProperty(vendor, 'script', { get: () => vendor.requests.length > 1 ? later : {} })
  t.equal((await search('computer')).provider, 'box')
  t.ok(vendor.requests.length < 5, 'some are still to come')
  later = {}
  t.match(await memory.index('main', { force: false, signal: new AbortController().signal }), { pending: 0, vectors: 60, embedding: { ok: true } })
  t.same([...new Set(vendor.requests.map(({ body }) => body.input.length <= 16))], [true])
  t.equal(new Set(inputs(vendor.requests).filter(text => text.startsWith('note'))).size, 60)
  t.match(await status(), { pending: 0, left: 0 })
})

t.test('while the provider is down the words are searched, the answer says so, and it is not asked at every search', async t => {
  const vendor = await startMeanings(t)
  const { write, search, clock, status, memory } = await createMemoryScene(t, { source: meaningBy(vendor) })
  write('MEMORY.md', 'The nexus likes tea.')
  vendor.script = { status: 401, message: 'wrong key' }
  t.match(await search('nexus'), { results: [{ path: 'MEMORY.md' }], provider: 'none', warning: /Only the words were searched.*wrong key/, action: /memory status/ })
  const asked = vendor.requests.length
  t.match(await search('nexus'), { results: [{}], provider: 'none', warning: /wrong key/ })
  t.equal(vendor.requests.length, asked, 'it is left alone for a while')
  t.match(await status(), { embedding: { ok: false, checked: false, error: /wrong key/ } })
  t.match(await status(true), { embedding: { ok: false, checked: true, error: /wrong key/ } })
  vendor.script = {}
  clock.nowMs += 31_000
  t.match(await search('beverage'), { results: [{ path: 'MEMORY.md' }], provider: 'box', warning: undefined })
  await vendor.close()
  t.match(await memory.index('main', { force: true, signal: new AbortController().signal }), { chunks: 1, pending: 1, embedding: { ok: false } })
  t.match(await search('nexus'), { results: [{}], provider: 'none', warning: /Only the words/ })
})

t.test('a failure that passes is not told', async t => {
  const vendor = await startMeanings(t)
  const { write, search } = await createMemoryScene(t, { source: meaningBy(vendor) })
  write('MEMORY.md', 'tea')
  Object.defineProperty(vendor, 'script', { get: () => vendor.requests.length > 1 ? {} : { status: 503 } })
  t.match(await search('drink'), { results: [{ path: 'MEMORY.md' }], provider: 'box', warning: undefined })
})

t.test('another model has its own vectors, and the search goes on meanwhile', async t => {
  const vendor = await startMeanings(t)
  const { write, search, configure, status } = await createMemoryScene(t, { source: meaningBy(vendor) })
  write('MEMORY.md', 'green tea')
  await search('drink')
  await configure(meaningBy(vendor, {}, 'better'))
  t.match(await search('drink'), { results: [{ path: 'MEMORY.md', vectorScore: Number }], model: 'better' })
  t.match(await status(), { model: 'better', pending: 0 })
  t.same([...new Set(vendor.requests.map(({ body }) => body.model))], ['meanings', 'better'])
  await configure(meaningBy(vendor, { query: { hybrid: { enabled: false } } }))
  t.match(await search('tea'), { results: [{}], provider: 'none', warning: undefined }, 'and who wants words alone asks nobody')
})

t.test('of a known provider the name is enough', async t => {
  const vendor = await startMeanings(t)
  const { write, search, configure } = await createMemoryScene(t, {
    source: { models: { providers: { openai: { baseUrl: `${vendor.url}/v1`, apiKey: goodKey } } }, memory: { search: { provider: 'auto' } } }
  })
  write('MEMORY.md', 'green tea')
  t.match(await search('beverage'), { results: [{ path: 'MEMORY.md' }], provider: 'openai', model: 'text-embedding-3-small', warning: undefined })
  await configure({ memory: { search: { provider: 'gemini' } } })
  t.match(await search('tea'), { results: [{}], provider: 'none', warning: /"google" has no key/ })
})

t.test('settings that cannot work are named', async t => {
  const { write, search, configure, status } = await createMemoryScene(t, { source: { memory: { search: { provider: 'box' } } } })
  write('MEMORY.md', 'tea')
  t.match(await search('tea'), { results: [{}], warning: /set memory\.search\.model/ })
  await configure({ memory: { search: { provider: 'nobody', model: 'm' } } })
  t.match(await search('tea'), { results: [{}], provider: 'none', warning: /nobody/ })
  t.match(await status(true), { provider: 'nobody', embedding: { ok: false, error: /nobody/ } })
  await configure({ memory: { search: { provider: 'auto' } } })
  t.match(await search('tea'), { results: [{}], provider: 'none', warning: undefined }, 'without a key')
  t.match(await status(), { provider: 'none', embedding: { ok: false, error: /words alone/ } })
})
