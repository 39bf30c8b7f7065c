/** A process that runs a command of an agent, to be ended by the test. Arguments: a directory of the test, the command. */
import { createHostLauncher } from '../../../src/tools/exec/launch.ts'
import { startCommand } from '../../../src/tools/exec/running-command.ts'
import { createSpawner } from '../../../src/tools/exec/spawner/spawner.ts'

const [cwd = '/', command = ''] = process.argv.slice(2)
const running = await startCommand({
  command, cwd, launcher: createHostLauncher(), spawner: createSpawner({ env: {} }), environment: process.env, stdin: 'ignore',
  timeoutMs: 0, noOutputTimeoutMs: 0, now: Date.now
})
process.stdout.write(`${running.pid}\n`)
await running.ended
