import t from 'tap'
import { createDocuments, type Documents } from '../../src/agent/documents.ts'
import { pdfOf } from '../fixtures/pdf.ts'

const limits = { maxChars: 1000, maxPages: 2 }

function documents (t: { teardown (fn: () => unknown): void }): Documents {
  const made = createDocuments()
  t.teardown(() => made.close())
  return made
}

const bytes = (text: string, charset: BufferEncoding = 'utf8'): Uint8Array => Buffer.from(text, charset)

t.test('texts are read as they are, tables and records too', async t => {
  const { read } = documents(t)
  for (const mimeType of ['text/plain', 'text/markdown', 'text/csv', 'application/json']) {
    t.same(await read({ name: 'a', mimeType, bytes: bytes('{"a": 1}\n# b;c') }, limits), { text: '{"a": 1}\n# b;c' })
  }
  t.same(await read({ name: 'a', mimeType: 'text/plain; charset=iso-8859-1', bytes: bytes('Grüße', 'latin1') }, limits), { text: 'Grüße' })
  t.same(await read({ name: 'a', mimeType: 'text/plain', bytes: bytes('seen\u200b \u202eturned') }, limits), { text: 'seen turned' }, 'without what nobody sees')
})

t.test('of a page what people see is read', async t => {
  const html = '<html><head><title>T</title><script>alert(1)</script></head><body><h1>Head</h1><p>One <b>two</b></p></body></html>'
  const { text } = await documents(t).read({ name: 'a.html', mimeType: 'text/html', bytes: bytes(html) }, limits)
  t.match(text, /# Head\s+One \*\*two\*\*/)
  t.notMatch(text, /alert/)
})

t.test('of a PDF file the text of its first pages is read', async t => {
  const { read } = documents(t)
  const name = 'a.pdf'
  const mimeType = 'application/pdf'
  t.same(await read({ name, mimeType, bytes: pdfOf(['First line', 'Second line']) }, limits), { text: 'First line\nSecond line' })
  const three = pdfOf(['one'], ['two'], ['three'])
  t.same(await read({ name, mimeType, bytes: three }, limits), { text: 'one\n\ntwo', note: 'The first 2 of 3 pages.' })
  t.equal(three.toString('latin1', 0, 5), '%PDF-', 'the bytes stay with whoever sent them')
  const [first, second] = await Promise.all([pdfOf(['a']), pdfOf(['b'])].map(file => read({ name, mimeType, bytes: file }, limits)))
  t.same([first, second], [{ text: 'a' }, { text: 'b' }])
})

t.test('long texts are cut, and it is said', async t => {
  const { read } = documents(t)
  const cut = await read({ name: 'a', mimeType: 'text/plain', bytes: bytes('x'.repeat(1001)) }, limits)
  t.same([cut.text.length, cut.note], [1000, 'The first 1000 characters.'])
  const long = await read({ name: 'a.pdf', mimeType: 'application/pdf', bytes: pdfOf(Array<string>(30).fill('y'.repeat(60)), [], ['z']) }, limits)
  t.same([long.text.length, long.note], [1000, 'The first 2 of 3 pages. The first 1000 characters.'])
})

t.test('what cannot be read is refused with the reason, and the next file is read', async t => {
  const { read } = documents(t)
  const refusals: Array<[mimeType: string, content: Uint8Array, message: RegExp]> = [
    ['application/pdf', bytes('no pdf at all'), /^a is named a PDF file and is none$/],
    ['application/pdf', bytes('%PDF-1.7\nbroken'), /^the PDF file a cannot be read; it may be broken/],
    ['application/pdf', pdfOf([]), /^the PDF file a has no text, only pictures of it; send its pages as images$/],
    ['text/plain', Buffer.from([0, 1, 2, 3]), /^a is named text\/plain and is no text$/]
  ]
  for (const [mimeType, content, message] of refusals) {
    await t.rejects(read({ name: 'a', mimeType, bytes: content }, limits), { code: 'INVALID_PARAMS', message })
  }
  t.match(await read({ name: 'a', mimeType: 'application/pdf', bytes: pdfOf(['well']) }, limits), { text: 'well' })
})
