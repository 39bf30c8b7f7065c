/** A step of the schema: applied once, in order, in one transaction. Once released it never changes, it is only followed by another. */
export interface Migration {
  readonly name: string
  readonly sql: string
}

export const migrations: readonly Migration[] = [
  {
    name: 'records of the small collections',
    sql: `CREATE TABLE entries (
      collection TEXT NOT NULL,
      key TEXT NOT NULL,
      value TEXT NOT NULL,
      PRIMARY KEY (collection, key)
    ) STRICT, WITHOUT ROWID`
  }
]

/** Written into the header of our databases: "OCGW". */
export const applicationId = 0x4f434757
