import { group, key } from './node.ts'
import { flag, integer, oneOf, text, Type } from './types.ts'
import { patternProblem } from './network.ts'

const levels = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const

export const logging = group({ help: 'Logs.', reload: 'restart' }, {
  level: key(oneOf(levels), { default: 'info', help: 'Least level of the file.', reload: 'room:log' }),
  consoleLevel: key(oneOf(levels), { help: 'Least level of the console; absent: "info", with --verbose "debug".', reload: 'room:log' }),
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
  audit: group({ help: 'The log of acts: who did what, chained by hashes.', reload: 'live' }, {
    enabled: key(flag, { default: true, help: 'Keep it.' }),
    maxFileBytes: key(integer(4096), { default: 4_194_304, help: 'Size at which the next file is begun.' }),
    maxTotalBytes: key(integer(8192), { default: 67_108_864, help: 'Size of all files together; the oldest go, and the log says so.' }),
    maxAgeDays: key(integer(1, 36_500), { default: 365, help: 'Files whose last entry is older go.' }),
    executionIdentity: key(flag, { default: false, help: 'Note as whom a tool ran.' }),
    messages: key(oneOf(['off', 'direct', 'all']), { default: 'off', help: 'Note messages too (never their text).' })
  })
})
