/**
 * Writes what is derived from the declarations of the configuration: the example file, the JSON Schema for editors and the table of
 * what changes take.
 */
import { writeFileSync } from 'node:fs'
import { exampleConfigText } from '../src/config/example.ts'
import { configJsonSchema } from '../src/config/json-schema.ts'
import { reloadTableText } from '../src/config/reload-table.ts'

writeFileSync(new URL('../openclaw.example.json5', import.meta.url), exampleConfigText())
writeFileSync(new URL('openclaw.schema.json', import.meta.url), `${JSON.stringify(configJsonSchema(), null, 2)}\n`)
writeFileSync(new URL('reload.md', import.meta.url), reloadTableText())
