import { loadConfig } from '../../config/load.ts'
import { exitCodes } from '../../lib/exit-codes.ts'
import { findLockOwner } from '../../lib/state-lock.ts'
import { command } from '../define-command.ts'
import { pathsOf } from '../local-settings.ts'
import { jsonOption } from '../rpc-options.ts'

export default command({
  name: 'doctor',
  summary: 'Check database, files, rights and configuration without changing anything',
  details: 'Works while the gateway runs and while it does not. Exit code 1 when something was found; each finding says what to do.',
  options: jsonOption,
  examples: [['openclaw doctor', 'Reads the whole database; a large one takes seconds.'], ['openclaw doctor --json', 'For monitoring.']],
  async run (context) {
    const { options, out, io } = context
    const paths = pathsOf(context)
    const { checkState } = await import('../../store/upkeep/checkup.ts')
    const [loaded, owner] = await Promise.all([loadConfig({ paths, env: io.env }), findLockOwner(paths.stateDir)])
    const checkup = checkState(paths.stateDir)
    const findings = [
      ...loaded.issues.map(({ path, message }) => ({
        subject: 'configuration', path: loaded.path, message: `${path}: ${message}`, next: 'openclaw config validate shows what was expected.'
      })),
      ...checkup.findings
    ]
    if (options.json) {
      const gateway = { running: owner !== undefined, ...owner }
      out.json({ ok: findings.length === 0, stateDir: paths.stateDir, gateway, database: checkup.database, findings })
    } else {
      const { database } = checkup
      out.line(`State:    ${paths.stateDir}`)
      out.line(`Gateway:  ${owner ? `running (pid ${owner.pid})` : 'not running'}`)
      out.line(`Database: ${database.exists ? `${database.path} (${database.bytes} bytes)` : 'none yet'}`)
      for (const { subject, path, message, next } of findings) out.line(`${out.paint('red', '×')} ${subject}: ${path}: ${message}\n    ${next}`)
      out.line(findings.length === 0 ? 'Nothing found.' : `${findings.length} found.`)
    }
    return findings.length === 0 ? exitCodes.ok : exitCodes.failed
  }
})
