import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { commandIndex, groups, loadCommand } from '../../src/cli/commands/index.ts'
import { sections } from '../../src/cli/describe-group.ts'
import { selectCommand } from '../../src/cli/select-command.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'
import { runCli } from './run-cli.ts'

const shells = ['bash', 'zsh', 'fish', 'powershell']
const has = (program: string): boolean => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0
const script = async (shell: string) => (await runCli(['completion', '--shell', shell])).out

t.test('bash completes commands, members of groups and options, behind root options and arguments as well', { skip: !has('bash') && 'needs bash' }, async t => {
  const file = join(ownDirectory(t), 'openclaw.bash')
  writeFileSync(file, await script('bash'))
  const ask = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _openclaw; declare -p COMPREPLY'
  const after = (...words: string[]): string[] => {
    const said = execFileSync('bash', ['-c', ask, file, 'openclaw', ...words], { encoding: 'utf8' })
    return [...said.matchAll(/\]="([^"]*)"/g)].map(([, word]) => word!)
  }
  t.same(after('ga'), ['gateway'])
  t.same(after('gateway', 'st').sort(), ['start', 'status', 'stop'])
  t.same(after('--profile', 'gateway', 'gateway', 'status', '--require'), ['--require-rpc'], 'the value of an option is no command')
  t.same(after('send', '--ch'), ['--channel'], 'other names have the same options')
  t.same(after('config', 'set', 'gateway.port', '--js'), after('config', 'set', '--js'))
  t.same(after('no-such-command', ''), [])
})

t.test('every shell gets every command, and a shell that is here takes its script', async t => {
  const directory = ownDirectory(t)
  for (const shell of shells) {
    const text = await script(shell)
    for (const name of Object.keys(commandIndex.commands)) t.ok(text.includes(`'${name}'`) || text.includes(`\\'${name}\\'`), `${shell}: ${name}`)
    const file = join(directory, shell)
    writeFileSync(file, text)
    if (shell !== 'powershell' && has(shell)) t.equal(spawnSync(shell, ['-n', file]).status, 0, `${shell} can read it`)
  }
  t.equal((await runCli(['completion'], { env: { SHELL: '/usr/bin/fish' } })).out, await script('fish'), 'the shell of the user is meant')
  t.match(await runCli(['completion', '--shell', 'csh']), { code: 1, err: /use "bash", "zsh", "fish", "powershell"/ })
})

t.test('every command has a summary, an example that is itself, and explains what it is given', async t => {
  for (const name of Object.keys(commandIndex.commands)) {
    const { name: own, summary, examples, args = [], options } = await loadCommand(name)
    t.equal(own, name)
    t.match(summary, /^\S.{3,}[^.\s]$/, `${name} has a summary`)
    t.ok(examples.length > 0, `${name} has an example`)
    for (const [line, what] of examples) {
      t.match(what, /[.?]$/, `${name}: an example is explained in a sentence`)
      const isItself = [...line.matchAll(/(?:^|[\s(])openclaw ([^|>)]+)/g)].some(([, argv]) => {
        const selected = selectCommand(argv!.trim().split(/\s+/), commandIndex)
        return selected.kind === 'command' && selected.name === name
      })
      t.ok(isItself, `${name}: ${line}`)
    }
    for (const { help } of [...args, ...Object.values(options as { [key: string]: { help: string } })]) t.ok(help.length > 3, `${name}: ${help}`)
  }
})

t.test('the first page names every command in one of its sections', async t => {
  const shown = Object.values(sections).flat()
  const roots = [...Object.keys(groups), ...Object.keys(commandIndex.commands).filter(name => !name.includes(' '))]
  t.same(roots.filter(name => !shown.includes(name)), [])
  t.equal(new Set(shown).size, shown.length)
  const { code, out } = await runCli(['--help'])
  t.equal(code, 0)
  for (const heading of Object.keys(sections)) t.ok(out.includes(heading), heading)
  for (const name of roots) t.match(out, new RegExp(`^  ${name} `, 'm'))
})
