/** The published protocol, as a judge of what we send. */
import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'

interface ProtocolSchema {
  definitions: { [name: string]: object }
  methods: { [name: string]: { scope?: string } }
}

const schemaFile = new URL('../node_modules/@openclaw/gateway-protocol/protocol.schema.json', import.meta.url)

let loaded: ProtocolSchema | undefined
export function protocolSchema (): ProtocolSchema {
  loaded ??= JSON.parse(readFileSync(schemaFile, 'utf8')) as ProtocolSchema
  return loaded
}

// The published schemas are not ours to judge, and one look through all of them serves every definition.
const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true, meta: false, validateSchema: false })
const compiled = new Map<string, ReturnType<typeof ajv.compile>>()

/** What is wrong with the value by the published definition of this name; undefined when it fits. */
export function contractProblem (definition: string, value: unknown): string | undefined {
  const { definitions } = protocolSchema()
  if (!definitions[definition]) return `the protocol has no definition ${definition}`
  if (compiled.size === 0) ajv.addSchema({ definitions }, 'protocol')
  let validate = compiled.get(definition)
  if (!validate) compiled.set(definition, validate = ajv.compile({ $ref: `protocol#/definitions/${definition}` }))
  return validate(value) ? undefined : ajv.errorsText(validate.errors)
}

/** The same for the health object, which the protocol defines inside the snapshot. */
export function healthProblem (value: unknown): string | undefined {
  const snapshot = protocolSchema().definitions.Snapshot as { properties: { health: object } }
  const validate = ajv.compile(snapshot.properties.health)
  return validate(value) ? undefined : ajv.errorsText(validate.errors)
}
