import { group, key } from './node.ts'
import { flag, integer, oneOf, text, Type } from './types.ts'
import { patternProblem } from './network.ts'

const levels = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const

export const logging = group({ help: 'Logs.', reload: 'room:log' }, {
  level: key(oneOf(levels), { default: 'info', help: 'Least level of the file.' }),
  consoleLevel: key(oneOf(levels), { help: 'Least level of the console; absent: "info", with --verbose "debug".' }),
  consoleStyle: key(oneOf(['pretty', 'compact', 'json']), { help: 'Absent: "pretty" on a terminal, otherwise "compact".' }),
  file: key(text, { help: 'Path of the log file; a name with a date in it rolls by day.' }),
  maxFileBytes: key(integer(1024), { default: 104_857_600, help: 'Size at which a file is rotated.' }),
  maxTotalBytes: key(integer(1024), { default: 524_288_000, help: 'Size of all files together; the oldest go first.' }),
  redactPatterns: key(Type.Array(Type.String({ minLength: 1 })), {
    help: 'Regular expressions of what is masked, instead of the built-in ones.',
    checkItem: patternProblem
  }),
  redactSensitive: key(oneOf(['off', 'tools']), {
    default: 'tools',
    help: 'Retired: redaction cannot be switched off.',
    retired: 'is retired; redaction is always on'
  }),
  audit: group({ help: 'The ledger of what ran.', reload: 'live' }, {
    enabled: key(flag, { default: true, help: 'Keep it.' }),
    executionIdentity: key(flag, { default: false, help: 'Note as whom a tool ran.' }),
    messages: key(oneOf(['off', 'direct', 'all']), { default: 'off', help: 'Note messages too (never their text).' })
  })
})
