/** What may be said about a job, in the shape of the contract as far as this gateway carries it out. */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { GatewayError } from '../../protocol/errors.ts'
import { oneOf, Type } from '../../protocol/type.ts'
import { longestSeconds } from './command.ts'

const closed = { additionalProperties: false }
const optional = Type.Optional
const word = Type.String({ minLength: 1, maxLength: 512 })
const title = Type.String({ minLength: 1, maxLength: 200, pattern: '\\S' })
const longText = Type.String({ minLength: 1, maxLength: 200_000 })
const moment = Type.Integer({ minimum: 0, maximum: 8_640_000_000_000_000 })
const orNull = <Schema extends object>(schema: Schema) => Type.Union([schema as never, Type.Null()])
const tools = Type.Array(Type.String({ maxLength: 200 }), { maxItems: 500 })
const thread = Type.Union([word, Type.Number()])
const way = oneOf(['announce', 'webhook'])

const schedule = Type.Union([
  Type.Object({ kind: Type.Literal('at'), at: word }, closed),
  Type.Object({
    kind: Type.Literal('every'), everyMs: Type.Integer({ minimum: 1, maximum: 8_640_000_000_000_000 }), anchorMs: optional(moment)
  }, closed),
  Type.Object({
    kind: Type.Literal('cron'), expr: word, tz: optional(word), staggerMs: optional(Type.Integer({ minimum: 0, maximum: 86_400_000 }))
  }, closed)
])

const argv = Type.Array(Type.String({ maxLength: 65_536, pattern: '^[^\\u0000]*$' }), { minItems: 1, maxItems: 256 })
const variables = Type.Record(Type.String({ minLength: 1, maxLength: 256 }), Type.String({ maxLength: 32_768 }), { maxProperties: 64 })
const limits = { toolsAllow: optional(orNull(tools)), toolsAllowIsDefault: optional(Type.Boolean()) }

const payload = (isPatch: boolean) => Type.Union([
  Type.Object({ kind: Type.Literal('systemEvent'), text: isPatch ? optional(longText) : longText, ...limits }, closed),
  Type.Object({
    kind: Type.Literal('agentTurn'),
    message: isPatch ? optional(longText) : longText,
    model: optional(orNull(word)),
    fallbacks: optional(orNull(Type.Array(word, { maxItems: 20 }))),
    thinking: optional(orNull(word)),
    timeoutSeconds: optional(Type.Number({ minimum: 0, maximum: 604_800 })),
    allowUnsafeExternalContent: optional(Type.Boolean()),
    lightContext: optional(Type.Boolean()),
    ...limits
  }, closed),
  Type.Object({
    kind: Type.Literal('command'),
    argv: isPatch ? optional(argv) : argv,
    cwd: optional(orNull(Type.String({ minLength: 1, maxLength: 4096 }))),
    env: optional(orNull(variables)),
    timeoutSeconds: optional(Type.Number({ minimum: 0, maximum: longestSeconds })),
    noOutputTimeoutSeconds: optional(Type.Number({ minimum: 0, maximum: longestSeconds })),
    outputMaxBytes: optional(Type.Integer({ minimum: 1, maximum: 131_072 })),
    ...limits
  }, closed)
])

const destination = {
  channel: optional(orNull(word)), to: optional(orNull(word)), accountId: optional(orNull(word)), mode: optional(orNull(way))
}

const delivery = (isPatch: boolean) => Type.Object({
  mode: isPatch ? optional(oneOf(['none', 'announce', 'webhook'])) : oneOf(['none', 'announce', 'webhook']),
  channel: optional(orNull(word)),
  to: optional(orNull(word)),
  threadId: optional(orNull(thread)),
  accountId: optional(orNull(word)),
  bestEffort: optional(Type.Boolean()),
  failureDestination: optional(orNull(Type.Object(destination, closed))),
  completionDestination: optional(orNull(Type.Object({ mode: Type.Literal('webhook'), to: word }, closed)))
}, closed)

const failureAlert = Type.Union([Type.Literal(false), Type.Null(), Type.Object({
  ...destination,
  after: optional(orNull(Type.Integer({ minimum: 1, maximum: 1_000_000 }))),
  cooldownMs: optional(orNull(Type.Integer({ minimum: 0, maximum: 31_536_000_000 }))),
  includeSkipped: optional(orNull(Type.Boolean()))
}, closed)])

const bound = Type.String({ minLength: 1, maxLength: 40, pattern: '\\S' })
const pacing = Type.Object({ min: optional(bound), max: optional(bound) }, closed)

const common = {
  displayName: optional(orNull(title)),
  agentId: optional(orNull(word)),
  sessionKey: optional(orNull(word)),
  description: optional(Type.String({ maxLength: 4000 })),
  enabled: optional(Type.Boolean()),
  deleteAfterRun: optional(Type.Boolean()),
  failureAlert: optional(failureAlert)
}

const sessionTarget = Type.String({ pattern: '^(main|isolated|current|session:.+)$', maxLength: 600 })
const wakeMode = oneOf(['now', 'next-heartbeat'])

const addSchema = Type.Object({
  ...common,
  name: title,
  declarationKey: optional(title),
  owner: optional(Type.Object({ agentId: optional(word), sessionKey: optional(word), accountId: optional(word) }, closed)),
  schedule,
  sessionTarget,
  wakeMode,
  payload: payload(false),
  pacing: optional(pacing),
  delivery: optional(delivery(false))
}, closed)

const patchSchema = Type.Object({
  ...common,
  name: optional(title),
  schedule: optional(schedule),
  sessionTarget: optional(sessionTarget),
  wakeMode: optional(wakeMode),
  payload: optional(payload(true)),
  pacing: optional(orNull(pacing)),
  delivery: optional(delivery(true)),
  state: optional(Type.Object({}, { additionalProperties: true }))
}, closed)

export type Fields = { readonly [name: string]: unknown }

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Parts of the contract that this gateway does not carry out. What is left out in silence would be taken for done. */
export function refuseUnbuilt (asked: Fields): void {
  const what = unbuiltOf(asked)
  if (what === undefined) return
  throw new GatewayError('NOT_BUILT_YET', {
    message: `this gateway does not offer ${what}; schedules are at, every and cron, payloads systemEvent, agentTurn and command`, details: { reason: what }
  })
}

function unbuiltOf ({ schedule, payload, trigger }: Fields): string | undefined {
  const { kind } = isFields(schedule) ? schedule : {}
  if (kind === 'on-exit' || kind === 'stream') return `schedules of kind "${kind}"`
  if (isFields(payload)) {
    if (payload.kind === 'script') return 'payloads of kind "script"'
    if (payload.kind === 'command' && payload.input !== undefined) return 'input of commands'
  }
  return trigger ? 'condition scripts (trigger)' : undefined
}

const placeOf = ({ instancePath }: ErrorObject): string => instancePath.slice(1).replaceAll('/', '.') || 'the job'

const messageOf = (error: ErrorObject, errors: readonly ErrorObject[]): string => {
  const { keyword, params, message, instancePath } = error
  if (keyword === 'additionalProperties') return `${placeOf(error)} has no field "${String(params.additionalProperty)}"`
  if (keyword !== 'const') return `${placeOf(error)} ${message ?? 'is wrong'}`
  const allowed = errors.filter(other => other.keyword === 'const' && other.instancePath === instancePath)
  return `${placeOf(error)} is none of ${allowed.map(({ params }) => JSON.stringify(params.allowedValue)).join(', ')}`
}

const lacksKind = ({ keyword, params }: ErrorObject): boolean => keyword === 'required' && params.missingProperty === 'kind'

/** Of a union the branch that its `kind` means says what is wrong; where none is meant, the kind is what is wrong. */
function describe (errors: readonly ErrorObject[]): string {
  const wrongKinds = errors.filter(({ keyword }) => keyword === 'const')
  const branches = wrongKinds.map(({ schemaPath }) => schemaPath.replace(/properties\/\w+\/const$/, ''))
  const meant = errors.filter(({ schemaPath, keyword }) => keyword !== 'anyOf' && !branches.some(branch => schemaPath.startsWith(branch)))
  const problems = [meant.filter(lacksKind), meant.filter(({ keyword }) => keyword !== 'type'), meant, wrongKinds].find(({ length }) => length > 0)
  return [...new Set((problems ?? errors).map(error => messageOf(error, errors)))].slice(0, 3).join('; ')
}

export interface JobChecks {
  add (params: unknown): Fields
  patch (params: unknown): Fields
}

/** Compiled with the first job that somebody makes or changes. */
export function createJobChecks (): JobChecks {
  let ajv: Ajv | undefined
  const compiled = new Map<object, ValidateFunction>()

  function check (schema: object, params: unknown): Fields {
    if (!isFields(params)) throw new GatewayError('INVALID_PARAMS', { message: 'a job is an object' })
    refuseUnbuilt(params)
    ajv ??= new Ajv({ strict: false, validateFormats: false, meta: false, validateSchema: false, allErrors: true })
    const validate = compiled.get(schema) ?? ajv.compile(schema)
    compiled.set(schema, validate)
    if (validate(params)) return params
    throw new GatewayError('INVALID_PARAMS', { message: `invalid cron job: ${describe(validate.errors ?? [])}` })
  }

  return { add: params => check(addSchema, params), patch: params => check(patchSchema, params) }
}
