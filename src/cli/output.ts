import type { CommandIo } from './define-command.ts'

const codes = { bold: '1', dim: '2', red: '31', green: '32', yellow: '33', cyan: '36' } as const
export type Style = keyof typeof codes

export interface Output {
  readonly color: boolean
  /** One line (or several) of the answer, to stdout. */
  line (text?: string): void
  /** The answer as one JSON document, to stdout. */
  json (value: unknown): void
  /** One JSON value per line, for streams. */
  jsonLine (value: unknown): void
  /** Diagnostics, to stderr. */
  note (text: string): void
  paint (style: Style, text: string): string
  /** True once the reader of stdout has gone away. */
  readonly gone: boolean
}

export function wantsColor (io: Pick<CommandIo, 'env' | 'stdout'>, allowed: boolean): boolean {
  const { NO_COLOR, FORCE_COLOR } = io.env
  if (!allowed || NO_COLOR) return false
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  return io.stdout.isTTY === true && io.env['TERM'] !== 'dumb'
}

export function createOutput (io: Pick<CommandIo, 'env' | 'stdout' | 'stderr'>, allowColor: boolean): Output {
  const color = wantsColor(io, allowColor)
  let gone = false
  io.stdout.on('error', error => {
    gone = true
    // `openclaw logs | head` is no failure, and neither is a terminal that was closed.
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EPIPE' && code !== 'EIO') io.stderr.write(`[openclaw] stdout cannot be written: ${error.message}\n`)
  })
  const write = (text: string): void => { if (!gone) io.stdout.write(`${text}\n`) }
  return {
    color,
    line: (text = '') => write(text),
    json: value => write(JSON.stringify(value, null, 2)),
    jsonLine: value => write(JSON.stringify(value)),
    note: text => { io.stderr.write(`${text}\n`) },
    paint: (style, text) => color ? `\u001b[${codes[style]}m${text}\u001b[0m` : text,
    get gone () { return gone }
  }
}
