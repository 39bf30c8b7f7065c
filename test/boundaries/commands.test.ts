import t from 'tap'
import { commandIndex } from '../../src/cli/commands/index.ts'
import { ownFiles, read, sourceFiles } from './source-tree.ts'

/** Words behind "openclaw" that are no command of this version, each with the reason why a text says them all the same. */
const excepted: { readonly [words: string]: string } = {
  'gateway lifecycle': 'the beginning of a line in the log of restarts, which tools read',
  does: 'openclaw does not know the command …'
}

const { commands, groups, aliases } = commandIndex

function isCommand (first: string, second: string | undefined): boolean {
  if (first in groups) return second === undefined || `${first} ${second}` in commands
  return first in commands || first in aliases
}

t.test('every command that a message, a help text or a document names can be given', async t => {
  const files = [...sourceFiles(), ...ownFiles('config').filter(path => path.endsWith('.sh')), 'README.md', 'CONTRIBUTING.md', 'Dockerfile']
  const named = /(?<!exec )\bopenclaw (?:--dev |--profile \S+ )?([a-z]+)(?: ([a-z][a-z-]+))?(?![\w./-])/g
  const wrong = files.flatMap(path => [...read(path).matchAll(named)]
    .map(([, first, second]) => ({ first: first!, second }))
    .filter(({ first, second }) => !isCommand(first, second) && !(first in excepted) && !(`${first} ${second}` in excepted))
    .map(({ first, second }) => `${path}: openclaw ${first} ${second ?? ''}`))
  t.same(wrong, [])
})
