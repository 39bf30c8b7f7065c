import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findProgram } from '../../src/lib/programs.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

t.test('a program is a file that may be carried out, the first of its name on the search path', async t => {
  const root = ownDirectory(t)
  const [folders, texts, first, second] = ['folders', 'texts', 'first', 'second'].map(name => join(root, name))
  for (const directory of [folders, texts, first, second]) mkdirSync(directory!)
  mkdirSync(join(folders!, 'tool'))
  writeFileSync(join(texts!, 'tool'), 'a text')
  for (const directory of [first, second]) {
    writeFileSync(join(directory!, 'tool'), '#!/bin/sh\n')
    chmodSync(join(directory!, 'tool'), 0o755)
  }
  t.equal(await findProgram('tool', ['', '.', 'relative', folders, texts, first, second].join(':')), join(first!, 'tool'))
  t.equal(await findProgram('tool', [folders, texts].join(':')), undefined)
  t.equal(await findProgram('tool', ''), undefined)
})
