import type { LogsTailResult } from '../log/tail.ts'
import type { GatewayClientError } from './client-error.ts'
import { logLineText, parseLogLine } from './log-lines.ts'
import type { Output } from './output.ts'

export interface PrinterOptions {
  readonly json: boolean
  readonly plain: boolean
  readonly utc: boolean
}

export interface LogPrinter {
  print (result: LogsTailResult): void
  notice (message: string): void
  error (error: GatewayClientError): void
}

const missing = ({ skippedBytes }: LogsTailResult): string => skippedBytes === undefined
  ? 'The log was rotated or shortened; lines may be missing here.'
  : `More was written than was asked for: ${skippedBytes} bytes are left out here.`

/** Prints batches of lines: what file they come from when that is news, then the lines, then what is missing between them. */
export function createLogPrinter (out: Output, { json, plain, utc }: PrinterOptions): LogPrinter {
  const paint: Output['paint'] = plain ? (_style, text) => text : out.paint
  let file: string | undefined

  const announce = (result: LogsTailResult): void => {
    if (result.file === file) return
    if (json) out.jsonLine({ type: 'meta', file: result.file, sourceKind: 'file', cursor: result.cursor, size: result.size })
    else out.line(`Log file: ${result.file}`)
    file = result.file
  }
  const notice = (message: string): void => {
    if (json) out.jsonLine({ type: 'notice', message })
    else out.note(message)
  }
  return {
    notice,
    print (result) {
      announce(result)
      if (result.reset) notice(missing(result))
      for (const line of result.lines.map(parseLogLine)) {
        if (json) out.jsonLine(line)
        else out.line(logLineText(line, { utc }, paint))
      }
      if (result.truncated) notice('Older lines are left out (raise --limit or --max-bytes to see more).')
    },
    error ({ kind, code, message, details }) {
      out.note(JSON.stringify({ type: 'error', kind, code, message, ...(Object.keys(details).length > 0 ? { details } : {}) }))
    }
  }
}
