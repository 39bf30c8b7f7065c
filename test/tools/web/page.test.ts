/** From HTML to what a model reads. */
import t from 'tap'
import { decodeText, looksBinary } from '../../../src/tools/web/page/charset.ts'
import { mainContent } from '../../../src/tools/web/page/main-content.ts'
import { createPageReader } from '../../../src/tools/web/page/page-reader.ts'
import { renderPage } from '../../../src/tools/web/page/rendering.ts'
import { parsePage } from '../../../src/tools/web/page/tree.ts'
import { visible } from '../../../src/tools/web/visible-text.ts'

const baseUrl = 'https://site.test/docs/page'
const markdown = (html: string): string => renderPage(parsePage(html).root, { mode: 'markdown', baseUrl })
const text = (html: string): string => renderPage(parsePage(html).root, { mode: 'text', baseUrl })
const words = (count: number, word = 'content'): string => Array.from({ length: count }, (_, index) => `${word} ${index},`).join(' ')

t.test('headings, emphasis, links, pictures and code become Markdown', async t => {
  t.equal(markdown('<h1>One</h1><p>A <b>bold</b> and <i>slanted </i>word, <code>a &lt; b</code>.<br>Next</p><h3>Three</h3>'),
    '# One\n\nA **bold** and *slanted* word, `a < b`.\nNext\n\n### Three')
  t.equal(markdown('<p>See <a href="../x?a=1&amp;b=(2)">the   page</a>, <a href="javascript:alert(1)">not</a> <a href="#a">here</a>.</p>'),
    'See [the page](https://site.test/x?a=1&b=%282%29), not here.')
  t.equal(markdown('<img src="/a.png" alt="A picture"><img src="data:image/png;base64,xx" alt="inline"><img src="/b.png">'),
    '![A picture](https://site.test/a.png)inline')
  t.equal(markdown('<pre><code>let a = 1\n\n  b()\n</code></pre><hr>'), '```\nlet a = 1\n\n  b()\n```\n\n---')
})

t.test('lists, quotes and tables keep their shape', async t => {
  t.equal(markdown('<ul><li>one</li><li>two<ol start="3"><li>three</li><li><p>four</p><p>more</p></li></ol></li></ul>'),
    '- one\n- two\n  3. three\n  4. four\n\n     more')
  t.equal(markdown('<blockquote><p>first</p><p>second</p></blockquote>'), '> first\n>\n> second')
  t.equal(markdown('<table><tr><th>Name</th><th>Size</th></tr><tr><td>a|b</td><td>1</td></tr><tr><td>c</td></tr></table>'),
    '| Name | Size |\n| --- | --- |\n| a\\|b | 1 |\n| c |  |')
  t.equal(markdown('<dl><dt>Term</dt><dd>Meaning</dd></dl>'), 'Term\nMeaning')
})

t.test('text mode has the words and none of the marks', async t => {
  t.equal(text('<h2>Title</h2><p>A <b>bold</b> <a href="/x">link</a>.</p><ul><li>one</li></ul><table><tr><td>a</td><td>b</td></tr></table>'),
    'Title\n\nA bold link.\n\n- one\n\na\tb')
})

t.test('what people do not see is not read', async t => {
  const hidden = ['<script>order()</script>', '<style>order</style>', '<noscript>order</noscript>', '<template>order</template>', '<!-- order -->',
    '<p hidden>order</p>', '<div aria-hidden="true"><p>order</p></div>', '<span style="color:red; DISPLAY : none">order</span>',
    '<p style="visibility:hidden">order</p>', '<p style="font-size:0px">order</p>', '<p style="opacity: 0">order</p>', '<button>order</button>',
    '<svg><title>order</title></svg>', '<iframe>order</iframe>', '<select><option>order</select>']
  for (const html of hidden) t.equal(markdown(`<p>before</p>${html}<p>after</p>`), 'before\n\nafter', html)
  t.equal(markdown('<p style="opacity:0.5;display:block">seen</p>'), 'seen')
  t.equal(visible('a\u200bb\u202ec\u{e0041}d\u0007e\u00ad\ufeff\tf\u200d'), 'abcde\tf\u200d')
})

t.test('the content of a page is found among what surrounds it', async t => {
  const page = `<html><head><title> The \n Title </title></head><body>
    <header><a href="/">Logo</a></header><nav><ul><li><a href="/a">Menu entry</a></li></ul></nav>
    <div class="cookie-consent">We use cookies, accept all of them please, there are many.</div>
    <div id="wrap"><div class="post"><h2>Heading</h2><p>${words(40)}</p><p>${words(40)}</p></div>
    <div class="sidebar"><p>${words(10, 'advert')}</p></div></div>
    <footer><p>Copyright, imprint and more, which nobody reads at all.</p></footer></body></html>`
  const { title, root } = parsePage(page)
  t.equal(title, 'The Title')
  const found = renderPage(mainContent(root), { mode: 'text', baseUrl })
  t.match(found, /^Heading\n\ncontent 0,/)
  t.notMatch(found, /Logo|Menu|cookies|advert|Copyright/)
})

t.test('a choice that would lose too much is not made', async t => {
  const links = Array.from({ length: 30 }, (_, index) => `<li><a href="/${index}">Story number ${index} of today</a></li>`).join('')
  t.match(renderPage(mainContent(parsePage(`<body><div><ul>${links}</ul></div></body>`).root), { mode: 'text', baseUrl }), /Story number 0[^]*Story number 29/)
  t.equal(renderPage(mainContent(parsePage('<nav>All there is on this page</nav>').root), { mode: 'text', baseUrl }), 'All there is on this page')
  const two = `<article><p>${words(60, 'first')}</p></article><article><p>${words(60, 'second')}</p></article>`
  t.match(renderPage(mainContent(parsePage(`<body><main>${two}</main></body>`).root), { mode: 'text', baseUrl }), /first[^]*second/)
})

t.test('broken, deep and hostile HTML is read as well as it can be', async t => {
  t.equal(markdown('<p>one<p>two<b>three<div>four'), 'one\n\ntwo\n\nthree\n\nfour')
  t.match(markdown(`${'<div>'.repeat(3000)}deep`), /^deep$/)
  t.match(markdown(`${'<b><i>'.repeat(1500)}deep`), /deep/)
  t.equal(markdown(''), '')
  t.equal(markdown('no markup < at > all &amp; &copy; &#x41; &nosuch;'), 'no markup < at > all & © A &nosuch;')
})

t.test('bytes become text by their mark, their header, their page, or as UTF-8', async t => {
  const latin = Buffer.from('Grüße', 'latin1')
  t.equal(decodeText(latin, 'text/html; charset="ISO-8859-1"'), 'Grüße')
  t.equal(decodeText(Buffer.concat([Buffer.from('<meta http-equiv="x" content="text/html; charset=windows-1252">'), latin]), 'text/html').slice(-5), 'Grüße')
  t.equal(decodeText(Buffer.concat([Buffer.from('<meta charset=latin1>'), latin]), 'text/html; charset=nonsense').slice(-5), 'Grüße')
  t.equal(decodeText(Buffer.from('\ufeffhi', 'utf16le'), 'text/html; charset=utf-8'), 'hi')
  t.equal(decodeText(Buffer.from('日本'), ''), '日本')
  t.equal(decodeText(Buffer.from('93fa967b', 'hex'), 'text/plain; charset=Shift_JIS'), '日本')
  t.equal(looksBinary(Buffer.from('%PDF-1.7\n\0\x01')), true)
  t.equal(looksBinary(Buffer.from('plain text\r\n\twith ünicode')), false)
  t.equal(looksBinary(Buffer.from('\ufeffhi', 'utf16le')), false)
})

t.test('pages are read in a thread, in turn, and the loop stays free meanwhile', async t => {
  const reader = createPageReader()
  t.teardown(async () => await reader.close())
  const big = `<title>Big</title>${`<p>${words(30)} <a href="/x">link</a></p>`.repeat(1500)}`
  let ticks = 0
  const ticking = setInterval(() => { ticks++ }, 1)
  const pages = await Promise.all(['one', 'two'].map(async name =>
    await reader.read({ html: `${big}<p>${name}</p>`, url: baseUrl, mode: 'markdown', mainOnly: true })))
  clearInterval(ticking)
  t.match(pages[0], { title: 'Big', text: /one$/ })
  t.match(pages[1]?.text, /two$/)
  t.ok(ticks > 5)
})

t.test('more pages than can wait are refused, and a closed reader has no thread left', async t => {
  const reader = createPageReader()
  const read = async (): Promise<unknown> => await reader.read({ html: '<p>x</p>', url: baseUrl, mode: 'text', mainOnly: true })
  const all = await Promise.allSettled(Array.from({ length: 20 }, read))
  t.equal(all.filter(({ status }) => status === 'fulfilled').length, 16)
  t.match(all.at(-1), { reason: { message: /too many pages/ } })
  await reader.close()
})
