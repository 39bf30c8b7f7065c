/** A process that starts a command in a sandbox and tells its number, to be ended by the test. Argument: a directory of the test. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { validateConfig } from '../../../src/config/validate.ts'
import { createSandbox } from '../../../src/tools/sandbox/sandbox.ts'
import { launched } from './launched.ts'

const [base = ''] = process.argv.slice(2)
const [stateDir, workspace] = [join(base, 'state'), join(base, 'state', 'workspace')]
mkdirSync(workspace, { recursive: true })
const { config } = validateConfig({ agents: { defaults: { sandbox: { mode: 'all' } } } })
const sandbox = createSandbox({
  config: () => ({ config }), paths: { stateDir, homeDir: base }, workspaceOf: () => workspace, env: () => process.env, now: Date.now
})
const launcher = await sandbox.launcherFor({ agentId: 'main', sessionKey: 'agent:main:main' })
const child = await launched(launcher, 'echo ready; (setsid sleep 1000 &); sleep 1000', { cwd: workspace, env: {}, stdin: 'ignore' })
child.stdout!.once('data', () => { process.stdout.write(`${child.pid}\n`) })
