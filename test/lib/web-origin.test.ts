import t from 'tap'
import { parseOrigin } from '../../src/lib/web-origin.ts'

t.test('an origin has one spelling', async t => {
  const spellings: { [canonical: string]: string[] } = {
    'https://ui.example.com': ['https://ui.example.com', 'HTTPS://UI.Example.com', 'https://ui.example.com:443', 'https://ui.example.com/',
      'https://ui.example.com.'],
    'http://localhost:18789': ['http://localhost:18789', 'http://LOCALHOST:18789'],
    'http://[::1]:18789': ['http://[::1]:18789', 'http://[0:0:0:0:0:0:0:1]:18789'],
    'chrome-extension://abcdefghijklmnop': ['chrome-extension://abcdefghijklmnop'],
    'tauri://localhost': ['tauri://localhost']
  }
  for (const [canonical, list] of Object.entries(spellings)) {
    for (const spelling of list) t.equal(parseOrigin(spelling)?.text, canonical, spelling)
  }
  t.match(parseOrigin('https://example.com'), { scheme: 'https', hostname: 'example.com', port: 443 })
  t.match(parseOrigin('http://example.com:8080'), { port: 8080 })
})

t.test('what no browser sends as one origin is none', async t => {
  for (const text of [undefined, '', 'null', 'example.com', '//example.com', 'http://', 'http://a b', 'http://a/path', 'http://a?x', 'http://a#x', 'http://user@a',
    'http://a, http://b', 'http://a http://b', 'http://a\\b', 'javascript:alert(1)', 'http://127.1', `http://${'a'.repeat(400)}`]) {
    t.equal(parseOrigin(text), undefined, String(text).slice(0, 30))
  }
})
