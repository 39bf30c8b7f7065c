import { execFileSync } from 'node:child_process'
import { test } from 'tap'
import { seccompFilter } from '../../../src/tools/sandbox/seccomp.ts'
import { bubblewrapMissing, createSandboxScene } from './scene.ts'

/** What the kernel would answer: the few instructions that the filter is made of. */
function judge (filter: Buffer, arch: number, number: number): 'allowed' | 'refused' {
  let held = 0
  for (let at = 0; at < filter.length; at += 8) {
    const [code, whenTrue, whenFalse, value] = [filter.readUInt16LE(at), filter[at + 2]!, filter[at + 3]!, filter.readUInt32LE(at + 4)]
    if (code === 0x06) return value === 0x7fff0000 ? 'allowed' : 'refused'
    if (code === 0x20) held = value === 4 ? arch : number
    else at += 8 * ((code === 0x15 ? held === value : held >= value) ? whenTrue : whenFalse)
  }
  throw new Error('the program runs off its end')
}

const [x64, arm64, i386] = [0xc000003e, 0xc00000b7, 0x40000003]

test('the filter refuses what it names and nothing else', async t => {
  const filter = seccompFilter('x64')!
  for (const number of [101, 165, 161, 248, 250, 272, 308, 321, 323, 425, 427, 442]) t.equal(judge(filter, x64, number), 'refused', String(number))
  for (const number of [0, 1, 2, 9, 56, 57, 59, 60, 102, 162, 257, 318, 424, 435, 439]) t.equal(judge(filter, x64, number), 'allowed', String(number))
  t.equal(judge(filter, x64, 0x40000000 + 1), 'refused', 'the other way to call')
  t.equal(judge(filter, i386, 4), 'refused', 'a program for another machine')
  const other = seccompFilter('arm64')!
  t.same([judge(other, arm64, 97), judge(other, arm64, 442), judge(other, arm64, 63), judge(other, x64, 0)], ['refused', 'refused', 'allowed', 'refused'])
  t.equal(seccompFilter('mips'), undefined)
})

const perl = (): boolean => {
  try {
    return execFileSync('perl', ['-e', 'print 1'], { stdio: 'pipe' }).toString() === '1'
  } catch {
    return false
  }
}
const skip = bubblewrapMissing() || (process.arch !== 'x64' && 'numbers are those of x64') || (!perl() && 'perl makes the calls')

test('a program in a sandbox is refused such a call by the kernel', { skip }, async t => {
  const scene = createSandboxScene(t)
  const { out } = await scene.run('perl -e \'for (39, 250, 425, 321) { $r = syscall($_, 0, 0, 0); print "$_ ", $r < 0 ? $!+0 : "done", "\\n" }\'')
  t.equal(out, '39 done\n250 1\n425 1\n321 1\n')
})
