import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { endTree, treeOf } from '../../../src/tools/exec/process-tree.ts'
import { eventually } from '../../fixtures/eventually.ts'

t.test('a pid that leads no command means nothing, not every process there is', async t => {
  for (const leader of [0, -1, 1, process.pid, Number.NaN]) t.same(await treeOf(leader, 'nobody-has-this-mark'), [], String(leader))
})

t.test('the tree of a command has its children and grandchildren, never the process that asks', async t => {
  const child = spawn('/bin/sh', ['-c', 'sleep 60 & (setsid sleep 60 &) ; echo ready; wait'], { detached: true, stdio: ['ignore', 'pipe', 'ignore'], env: { PATH: process.env['PATH'], OPENCLAW_EXEC_ID: 'tree-test' } })
  await once(child.stdout, 'data')
  const exited = once(child, 'exit')
  const members = await eventually(() => treeOf(child.pid!, 'tree-test'), all => all.length >= 3)
  t.notOk(members.includes(process.pid))
  t.equal(await endTree(child.pid!, 'tree-test', { graceMs: 0 }), true)
  await exited
  t.same(await treeOf(child.pid!, 'tree-test'), [])
})
