import t from 'tap'
import { shellLine } from '../../src/lib/shell-quote.ts'

t.test('arguments reach the program as they were written, and a line for the shell stays one', async t => {
  t.equal(shellLine(['sh', '-lc', 'df -h | sort']), 'df -h | sort')
  t.equal(shellLine(['/bin/bash', '-c', 'x']), 'x')
  t.equal(shellLine(['/tmp/own/sh', '-c', 'x']), '/tmp/own/sh -c x', 'a program that only calls itself like a shell')
  t.equal(shellLine(['tar', '--file=a.tar']), 'tar --file=a.tar')
  t.equal(shellLine(['sh', 'script.sh', 'x']), 'sh script.sh x')
  t.equal(shellLine(['A=1', '$HOME', 'it\'s', '', '~']), '\'A=1\' \'$HOME\' \'it\'\\\'\'s\' \'\' \'~\'')
})
