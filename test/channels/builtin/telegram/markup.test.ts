import t from 'tap'
import { toTelegramHtml } from '../../../../src/channels/builtin/telegram/markup.ts'
import { parseHtml } from '../../../fixtures/channels/telegram-html.ts'

t.test('markdown becomes the tags that Telegram knows', async t => {
  const pairs: ReadonlyArray<readonly [markdown: string, html: string]> = [
    ['plain <b> & "text"', 'plain &lt;b&gt; &amp; "text"'],
    ['**bold**, __bold__, *it*, _it_, ~~gone~~ and ||hidden||', '<b>bold</b>, <b>bold</b>, <i>it</i>, <i>it</i>, <s>gone</s> and <tg-spoiler>hidden</tg-spoiler>'],
    ['***both***', '<b><i>both</i></b>'],
    ['**bold with *it* in it**', '<b>bold with <i>it</i> in it</b>'],
    ['snake_case_name and 2 * 3 * 4', 'snake_case_name and 2 * 3 * 4'],
    ['`a < b` and ``with ` tick``', '<code>a &lt; b</code> and <code>with ` tick</code>'],
    ['[docs](https://example.com/a_(b)?x="1"&y=2)', '<a href="https://example.com/a_(b)?x=&quot;1&quot;&amp;y=2">docs</a>'],
    ['[no](javascript:alert(1))', '[no](javascript:alert(1))'],
    ['![a picture](https://example.com/p.png)', '<a href="https://example.com/p.png">a picture</a>'],
    ['https://example.com/a_b_c*d stays', 'https://example.com/a_b_c*d stays'],
    ['# Title **here** #', '<b>Title <b>here</b></b>'],
    ['- one\n  * two\n- [x] done\n- [ ] open', '• one\n  • two\n☑ done\n☐ open'],
    ['1. first\n2. second', '1. first\n2. second'],
    ['> quoted *it*\n> more\nafter', '<blockquote>quoted <i>it</i>\nmore</blockquote>\nafter'],
    ['```ts\nconst a = b < c // **x**\n```\nend', '<pre><code class="language-ts">const a = b &lt; c // **x**</code></pre>\nend'],
    ['```\nstill being written', '<pre>still being written</pre>'],
    ['| a | b |\n|---|---|\n| 1 | 2 |', '<pre>| a | b |\n|---|---|\n| 1 | 2 |</pre>'],
    ['---', '———'],
    ['\\*not it\\*', '*not it*'],
    ['**not finished', '**not finished'],
    ['** spaced ** and * alone', '** spaced ** and * alone']
  ]
  for (const [markdown, html] of pairs) t.equal(toTelegramHtml(markdown), html, markdown)
})

t.test('whatever is written, the service can read what becomes of it, and no letter is lost', async t => {
  const parts = ['**', '*', '_', '__', '~~', '||', '`', '```', '\n', '\n\n', '[', '](', ')', '(https://x.y/', '> ', '# ', '- ', '| ', '|--|--|', '<b>', '</b>', '&lt;',
    '&', '"', '\\', '!', 'wort', 'ä😀', ' ', 'https://a.b/c_d_e', '1. ']
  let seed = 7
  const random = (below: number): number => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % below
  const letters = (text: string): string => text.replace(/[^a-zß-ÿ]/gi, '')
  for (let round = 0; round < 4000; round++) {
    const markdown = Array.from({ length: 1 + random(24) }, () => parts[random(parts.length)]).join('')
    const html = toTelegramHtml(markdown)
    try {
      const { text, entities } = parseHtml(html)
      const urls = entities.map(({ url = '', language = '' }) => letters(url + language)).join('')
      if (letters(text + urls).length < letters(markdown.replace(/```.*/g, '').replace(/&lt;/g, '')).length - 8) {
        t.match(text, markdown, 'a letter is missing')
      }
    } catch (error) {
      t.fail(`${JSON.stringify(markdown)} → ${html}: ${(error as Error).message}`)
    }
  }
})

t.test('the worst that fits a message is converted without delay', async t => {
  const beganAt = process.cpuUsage().user
  for (const part of ['*a', '_a ', '[', '[](', '`', '**', '~~a', '> ', '|', '||a', '![', '\\', '*a **b ']) toTelegramHtml(part.repeat(Math.floor(4096 / part.length)))
  const spentMs = (process.cpuUsage().user - beganAt) / 1000
  t.ok(spentMs < 3000, `${spentMs} ms of the processor`)
})
