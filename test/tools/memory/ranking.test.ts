import t from 'tap'
import { rank, type Candidate } from '../../../src/tools/memory/index/ranking.ts'
import { snippetOf } from '../../../src/tools/memory/index/snippets.ts'
import { cosine, lengthOf, storedVector } from '../../../src/tools/memory/index/vectors.ts'
import { indexed, placeIn, plain, termsOf } from '../../../src/tools/memory/index/words.ts'

const rules = { vectorWeight: 0.7, textWeight: 0.3, maxResults: 2, minScore: 0.35, nowMs: Date.parse('2026-11-21T00:00:00Z') }
const paths = (candidates: Candidate[], more: object = {}): string[] => rank(candidates, { ...rules, ...more }).map(({ path }) => path)

t.test('words and meaning count as their weights say, and what has no vector is judged by its words', async t => {
  const both = { path: 'both.md', text: 'a', textScore: 0.8, vectorScore: 0.5 }
  const alone = { path: 'words.md', text: 'b', textScore: 0.9 }
  t.same(rank([both, alone], rules).map(({ path, score }) => [path, Number(score.toFixed(3))]), [['words.md', 0.9], ['both.md', 0.59]])
  t.same(paths([both, alone], { vectorWeight: 0, minScore: 0.6 }), ['words.md', 'both.md'])
  t.same(paths([{ path: 'far.md', text: 'c', vectorScore: 0.4 }]), [], 'what fits less is left out')
  t.same(paths([both], { vectorWeight: 0, textWeight: 0, minScore: 0 }), [], 'who weighs nothing finds nothing')
})

t.test('a note of today comes before the same of last month, which is found all the same', async t => {
  const notes = ['memory/2026-10-22-walk.md', 'memory/2026-11-21.md'].map(path => ({ path, text: path, textScore: 0.5 }))
  const found = rank(notes, { ...rules, halfLifeDays: 30 })
  t.same(found.map(({ path, score }) => [path, score]), [['memory/2026-11-21.md', 0.5], ['memory/2026-10-22-walk.md', 0.25]])
  t.same(rank(notes.slice(0, 1), { ...rules, halfLifeDays: 30 }).length, 1, 'age never hides it')
  t.same(paths([{ path: 'MEMORY.md', text: '', textScore: 0.4 }], { halfLifeDays: 1 }), ['MEMORY.md'], 'what has no day has no age')
})

t.test('what says the same again gives way to something else', async t => {
  const twice = (path: string) => ({ path, text: 'the nexus runs on atlas in the cellar', textScore: 0.9 })
  const other = { path: 'other.md', text: 'nexus costs forty a month', textScore: 0.8 }
  t.same(paths([twice('a.md'), twice('b.md'), other], { diversity: 0.7 }), ['a.md', 'other.md'])
  t.same(paths([twice('a.md'), twice('b.md'), other]), ['a.md', 'b.md'])
})

t.test('a kept vector is as near as it was, and one of another model is not near at all', async t => {
  const vector = Float32Array.from({ length: 1536 }, (_, at) => Math.sin(at * 7.3) / 20)
  const other = Float32Array.from({ length: 1536 }, (_, at) => Math.sin(at * 7.3) / 20 + Math.cos(at * 3.1) / 20)
  const exact = vector.reduce((sum, value, at) => sum + value * other[at]!, 0) / lengthOf(vector) / lengthOf(other)
  const near = (numbers: Float32Array, kept: Float32Array): number => {
    const { bytes, norm } = storedVector(kept)
    return cosine(numbers, lengthOf(numbers), new Int8Array(bytes.buffer), norm)
  }
  t.ok(near(vector, vector) > 0.999)
  t.ok(Math.abs(near(vector, other) - exact) < 0.005)
  t.equal(near(new Float32Array(3).fill(1), vector), 0)
  t.equal(near(vector, new Float32Array(1536)), 0)
})

t.test('a question becomes words, without what could steer the index', async t => {
  t.same(termsOf('Where is "the" nexus* OR (NEAR', 'unicode61').map(({ match }) => match), ['"Where"*', '"is"', '"the"*', '"nexus"*', '"OR"', '"NEAR"*'])
  t.same(termsOf('nexus NEXUS Néxus', 'unicode61').length, 1)
  t.equal(termsOf(Array.from({ length: 500 }, (_, at) => `w${at}`).join(' '), 'unicode61').length, 32)
  t.same(termsOf('!?"\'', 'unicode61'), [])
  t.same(termsOf('会议纪要', 'unicode61').map(({ match }) => match), ['"会 议"', '"议 纪"', '"纪 要"'])
  t.equal(indexed('共享盘 x', 'unicode61').replace(/ +/g, ' ').trim(), '共 享 盘 x')
  t.same(termsOf('会议纪要 ab', 'trigram').map(({ match }) => match), ['"会议纪要"'])
})

t.test('a word is found where one begins, whatever its accents', async t => {
  const [term] = termsOf('café', 'unicode61')
  t.equal(placeIn(plain('Das CAFÉS ist zu'), term!), 4)
  t.equal(placeIn(plain('Decafé'), term!), -1)
})

t.test('what is shown of a long piece is the lines around the words, with their numbers', async t => {
  const lines = Array.from({ length: 60 }, (_, index) => `line ${index} ${index === 40 ? 'nexus' : 'words'} and a little more`)
  const shown = snippetOf({ startLine: 101, endLine: 160, text: lines.join('\n') }, termsOf('nexus', 'unicode61'))
  t.ok(shown.text.length <= 700)
  t.match(shown.text, /^line 39 .*\nline 40 nexus/)
  t.equal(shown.text, lines.slice(shown.startLine - 101, shown.endLine - 100).join('\n'))
  const one = snippetOf({ startLine: 7, endLine: 8, text: `${'word '.repeat(400)}nexus ${'word '.repeat(400)}\nend` }, termsOf('nexus', 'unicode61'))
  t.match(one, { startLine: 7, endLine: 7, text: /^….*nexus.*…$/ })
  t.ok(one.text.length < 710)
})
