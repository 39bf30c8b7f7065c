import t from 'tap'
import { ownFiles, read, sourceFiles } from './source-tree.ts'

const hardLimitLines = 300

/** Longer files, each with the reason why it is one subject all the same. */
const longer: { readonly [path: string]: string } = {}

const code = ownFiles().filter(path => /\.(ts|js)$/.test(path))
const linesOf = (path: string): number => read(path).split('\n').length - 1

t.test(`no file is longer than ${hardLimitLines} lines`, async t => {
  t.same(code.filter(path => linesOf(path) > hardLimitLines && !(path in longer)).map(path => `${path}: ${linesOf(path)}`), [])
  t.same(Object.keys(longer).filter(path => linesOf(path) <= hardLimitLines), [], 'and every exception is still needed')
})

t.test('files and folders have kebab-case names that say a noun', async t => {
  const kebab = /^[a-z0-9]+(-[a-z0-9]+)*$/
  const wrong = code.filter(path => !path.startsWith('.ci/')).filter(path => {
    const parts = path.split('/')
    const file = parts.pop()!.replace(/(\.test|\.config)?\.(ts|js)$/, '')
    return ![...parts, file].every(part => kebab.test(part))
  })
  t.same(wrong, [])
  t.same(code.filter(path => /(^|[/-])(utils?|helpers|managers?|misc|common)([.-]|\/|$)/.test(path)), [])
})

t.test('tests mirror what they test', async t => {
  const rooms = new Set(sourceFiles().map(path => path.split('/')[1]!))
  const ownSubject = ['bin', 'boundaries', 'bench', 'conformance', 'container', 'exposure', 'flows', 'fixtures', 'interop', 'security']
  const folders = new Set(ownFiles('test').filter(path => path.split('/').length > 2).map(path => path.split('/')[1]!))
  t.same([...folders].filter(folder => !rooms.has(folder) && !ownSubject.includes(folder)), [])
})

t.test('no file names a place on the machine it was written on, or a host that packages came from', async t => {
  const hosts = ['npmjs.org', 'debian.org', 'nodesource.com']
  const places = ['work', 'farm', 'root'].map(name => `/${name}/`)
  const isText = (path: string): boolean => /\.(ts|js|json5?|md|sh|ya?ml|txt|service|plist|html|css)$|(^|\/)(Dockerfile|run|\.[a-z]+)$/.test(path)
  const found = ownFiles().filter(isText).flatMap(path => {
    const text = read(path)
    return [...hosts, ...places].filter(word => text.includes(word)).map(word => `${path}: ${word}`)
  }).filter(line => !line.startsWith('test/boundaries/files.test.ts'))
  t.same(found, [])
})

t.test('nothing is left for later in the code', async t => {
  const marks = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'].join('|')})\\b`)
  t.same(code.filter(path => marks.test(read(path))), [])
})

t.test('titles of tests are sentences, and no two in a file are the same', async t => {
  const title = /^( *)(?:await )?t\.test\((['`])((?:\\.|(?!\2).)+)\2/gm
  const wrong = code.filter(path => path.endsWith('.test.ts')).flatMap(path => {
    const found = [...read(path).matchAll(title)].map(([, indent, , text]) => ({ depth: indent!.length, text: text! }))
    const isGroup = (index: number): boolean => (found[index + 1]?.depth ?? 0) > found[index]!.depth
    const titles = found.filter((_, index) => !isGroup(index)).map(({ text }) => text)
    const repeated = titles.filter((text, index) => titles.indexOf(text) !== index)
    const noSentence = titles.filter(text => text.split(/\s+/).length < 3 || /^should /i.test(text))
    return [...repeated, ...noSentence].map(text => `${path}: ${text}`)
  })
  t.same(wrong, [])
})
