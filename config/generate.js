/** Writes what is derived from the declarations of the configuration: the example file and the JSON Schema for editors. */
import { writeFileSync } from 'node:fs'
import { exampleConfigText } from '../src/config/example.ts'
import { configJsonSchema } from '../src/config/json-schema.ts'

writeFileSync(new URL('../openclaw.example.json5', import.meta.url), exampleConfigText())
writeFileSync(new URL('openclaw.schema.json', import.meta.url), `${JSON.stringify(configJsonSchema(), null, 2)}\n`)
