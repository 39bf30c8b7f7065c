/** POST /v1/embeddings: text as vectors, made by the model that the memory of an agent uses. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { LoadedConfig } from '../../config/load.ts'
import { GatewayError } from '../../protocol/errors.ts'
import { ProviderError } from '../../providers/model.ts'
import { memorySettings } from '../../tools/memory/settings.ts'
import { clientGone } from '../../http/client-gone.ts'
import { addresseeOf, type Addressee } from './addressee.ts'
import { failureOfModel, invalid } from './errors.ts'
import { bodyOf, integerIn, textIn, type Fields } from './fields.ts'
import type { OpenAiOptions } from './openai.ts'

const maxInputs = 2048
const maxDimensions = 65_536

function inputsOf ({ input }: Fields): readonly string[] {
  const inputs: unknown[] = Array.isArray(input) ? input : [input]
  if (inputs.some(text => typeof text === 'number' || Array.isArray(text))) {
    throw invalid('`input` must be texts: tokens mean nothing to another model than theirs.', 'input')
  }
  if (inputs.length === 0 || inputs.length > maxInputs || !inputs.every(text => typeof text === 'string' && text !== '')) {
    throw invalid(`\`input\` must be a text, or a list of 1 to ${maxInputs} texts, none of them empty.`, 'input')
  }
  return inputs as string[]
}

function formatOf (body: Fields): 'float' | 'base64' {
  const format = textIn(body, 'encoding_format') ?? 'float'
  if (format === 'float' || format === 'base64') return format
  throw invalid('`encoding_format` must be float or base64.', 'encoding_format')
}

/** What the program picked, else what searches the memory of this agent. */
function modelOf ({ chosen, target }: Addressee, config: LoadedConfig): string {
  if (chosen.model !== undefined) return `${chosen.provider}/${chosen.model}`
  const { model, problem } = memorySettings(config, target.agentId)
  if (model !== undefined) return model
  const next = 'set memory.search.provider and memory.search.model, or name a model with the header x-openclaw-model'
  throw new GatewayError('MODEL_UNKNOWN', { message: problem ?? `no model makes embeddings: ${next}`, details: { param: 'model' } })
}

const encoded = (vector: readonly number[]): string => Buffer.from(new Float32Array(vector).buffer).toString('base64')

export async function embeddings (request: FastifyRequest, reply: FastifyReply, options: OpenAiOptions): Promise<object> {
  const body = bodyOf(request.body)
  const addressee = addresseeOf({
    headers: request.headers, caller: request.caller!, model: body.model, user: undefined, family: 'openai'
  }, options)
  const inputs = inputsOf(body)
  const format = formatOf(body)
  const dimensions = integerIn(body, 'dimensions', 1, maxDimensions)
  const name = modelOf(addressee, options.config())
  request.caller!.key?.mayUseMore()
  const { vectors, usage } = await options.models.embed(name, inputs, clientGone(reply.raw), dimensions).catch((error: unknown) => {
    throw error instanceof ProviderError ? failureOfModel(error) : error
  })
  request.caller!.key?.charge({ totalTokens: usage.input })
  const length = vectors[0]?.length ?? 0
  if (dimensions !== undefined && length !== dimensions) {
    throw invalid(`\`dimensions\` cannot be chosen here: ${name} makes vectors of ${length} numbers.`, 'dimensions')
  }
  reply.header('cache-control', 'no-store')
  return {
    object: 'list',
    data: vectors.map((vector, index) => ({ object: 'embedding', index, embedding: format === 'base64' ? encoded(vector) : vector })),
    model: body.model,
    usage: { prompt_tokens: usage.input, total_tokens: usage.input }
  }
}
