import { writeFileSync } from 'node:fs'
import t from 'tap'
import { reportFailure } from '../../src/cli/failure.ts'
import type { Output } from '../../src/cli/output.ts'

function told (error: unknown): { code: number, text: string } {
  const notes: string[] = []
  const out = { note: (text: string) => { notes.push(text) } } as unknown as Output
  return { code: reportFailure(error, { out, json: false }), text: notes.join('\n') }
}

t.test('a disk that is full is called by its name, with what to do about it', { skip: process.platform !== 'linux' && 'needs /dev/full' }, async t => {
  try {
    writeFileSync('/dev/full', 'x')
    t.fail('it took it')
  } catch (error) {
    t.match(told(error), { code: 1, text: /Reason: ENOSPC[^]*Try: make room on that disk/ })
  }
})

t.test('what nobody foresaw leads to the doctor', async t => {
  t.match(told(new TypeError('no such thing')), { code: 1, text: /The CLI command failed\.\n.*Reason: no such thing\n.*Try: openclaw doctor$/ })
  t.match(told(Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES', path: '/etc/x' })).text, /\(\/etc\/x\)[^]*Try: give the file to the user/)
})
