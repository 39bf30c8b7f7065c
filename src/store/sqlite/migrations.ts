/** A step of the schema: applied once, in order, in one transaction. Once released it never changes, it is only followed by another. */
export interface Migration {
  readonly name: string
  readonly sql: string
}

/**
 * Lines are kept in the order in which all conversations grow, with small indexes beside them: many conversations that grow at the
 * same time share pages, which halves what a commit writes. The index by id knows the sizes, so that adding them up reads no text.
 * `mark` holds the last committed job, so that a copy knows how far it goes.
 */
export const migrations: readonly Migration[] = [
  {
    name: 'records of the small collections',
    sql: `CREATE TABLE entries (
      collection TEXT NOT NULL,
      key TEXT NOT NULL,
      value TEXT NOT NULL,
      PRIMARY KEY (collection, key)
    ) STRICT, WITHOUT ROWID`
  },
  {
    name: 'conversations, runs and the audit trail',
    sql: `CREATE TABLE lines (
      session_id TEXT NOT NULL,
      seq INTEGER NOT NULL,
      id TEXT NOT NULL,
      value TEXT NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX lines_by_place ON lines (session_id, seq);
    CREATE INDEX lines_by_id ON lines (session_id, id, octet_length(value));
    CREATE TABLE runs (
      run_id TEXT NOT NULL PRIMARY KEY,
      session_key TEXT NOT NULL,
      claim TEXT NOT NULL UNIQUE,
      open INTEGER NOT NULL,
      at_ms INTEGER NOT NULL,
      value TEXT NOT NULL
    ) STRICT;
    CREATE INDEX runs_open ON runs (at_ms) WHERE open = 1;
    CREATE INDEX runs_by_time ON runs (at_ms);
    CREATE INDEX runs_of_session ON runs (session_key, at_ms);
    CREATE TABLE audit (
      seq INTEGER PRIMARY KEY,
      at_ms INTEGER NOT NULL,
      kind TEXT NOT NULL,
      value TEXT NOT NULL
    ) STRICT;
    CREATE INDEX audit_by_kind ON audit (kind, seq);
    CREATE TABLE mark (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      job INTEGER NOT NULL
    ) STRICT`
  }
]

/** Written into the header of our databases: "OCGW". */
export const applicationId = 0x4f434757
