type Sqlite = typeof import('node:sqlite')

/** Loads the database on first use. Node 22 warns that it is experimental; that one line is kept off the terminal, no other. */
export function loadSqlite (): Sqlite {
  const { emitWarning } = process
  process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
    if (String(warning).startsWith('SQLite is an experimental feature')) return
    Reflect.apply(emitWarning, process, [warning, ...rest])
  }) as typeof emitWarning
  try {
    return process.getBuiltinModule('node:sqlite')
  } finally {
    process.emitWarning = emitWarning
  }
}
