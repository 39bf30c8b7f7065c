import t from 'tap'
import { limitResult, shortenText } from '../../../src/tools/guards/result-limits.ts'
import type { ToolResult } from '../../../src/tools/tool.ts'

const textsOf = ({ content }: ToolResult): string[] => content.map(part => part.type === 'text' ? part.text : part.type)
const image = (length = 8) => ({ type: 'image' as const, data: 'A'.repeat(length), mimeType: 'image/png' })

t.test('of a text that is too long the beginning and the end stay, and the way to the rest is named', t => {
  const result = limitResult({ content: [{ type: 'text', text: `begin${'x'.repeat(5000)}end` }], details: { kept: true } }, { maxChars: 1000, maxImages: 1 }, 'Call read with offset.')
  const [text] = textsOf(result)
  t.match(text, /^beginx+\n\n\[… 4008 of 5008 characters left out here\. Call read with offset\. …\]\n\nx+end$/)
  t.ok(text!.length < 1100)
  t.same(result.details, { kept: true })
  const short = { content: [{ type: 'text' as const, text: 'short' }] }
  t.equal(limitResult(short, { maxChars: 5, maxImages: 0 }), short)
  t.end()
})

t.test('a short text beside a long one keeps its meaning', t => {
  const [short, long, tail] = textsOf(limitResult({
    content: [{ type: 'text', text: 'note' }, { type: 'text', text: 'x'.repeat(100_000) }, { type: 'text', text: 'warning' }]
  }, { maxChars: 1000, maxImages: 1 }))
  t.equal(short, 'note')
  t.equal(tail, 'warning')
  t.ok(long!.length > 900 && long!.length < 1150)
  t.end()
})

t.test('no character is cut in two', t => {
  for (let most = 10; most < 60; most++) {
    const text = shortenText('🦞'.repeat(100), most, 'rest')
    t.notMatch(text, /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/)
  }
  t.end()
})

t.test('pictures are limited by size and number', t => {
  const result = limitResult({ content: [image(), image(8_000_000), image(), image()] }, { maxChars: 100, maxImages: 2 })
  t.match(textsOf(result), ['image', /A picture was left out \(image\/png, 8000000 characters as base64; at most 7000000 fit\)/, 'image', /at most 2 fit into one result/])
  t.end()
})
