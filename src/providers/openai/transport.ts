/** Chat completions and embeddings at any address that speaks them: OpenAI, vLLM, Ollama, LM Studio, llama.cpp, OpenRouter and others. */
import { ProviderError, type Embeddings, type ProviderSettings, type Transport } from '../model.ts'
import { createAnswer } from './answer.ts'
import { createConnection, type AnswerReader } from './connection.ts'
import { requestText } from './request-body.ts'

export function createOpenAiCompletions (settings: ProviderSettings, now: () => number = Date.now): Transport {
  const connection = createConnection(settings, now)
  return {
    async step (model, request, tell) {
      const answer = createAnswer(settings, tell)
      await connection.post('/chat/completions', requestText(settings, model, request), request.signal, answer)
      return answer.result()
    },
    async embed (model, inputs, signal, dimensions) {
      const whole = createWhole()
      const body = { model, input: inputs, encoding_format: 'float', ...(dimensions === undefined ? {} : { dimensions }) }
      await connection.post('/embeddings', body, signal, whole)
      return readEmbeddings(settings, whole.read(), inputs.length)
    },
    close: async () => connection.close()
  }
}

interface Whole extends AnswerReader { read (): string | undefined }

function createWhole (): Whole {
  let text = ''
  let isComplete = false
  return {
    text (piece) {
      text += piece
      return 'more'
    },
    end (complete) { isComplete = complete },
    read: () => isComplete ? text : undefined
  }
}

interface EmbeddingAnswer {
  readonly data?: ReadonlyArray<{ readonly index?: number, readonly embedding?: unknown }>
  readonly usage?: { readonly prompt_tokens?: number, readonly total_tokens?: number }
}

function readEmbeddings ({ id }: ProviderSettings, text: string | undefined, count: number): Embeddings {
  if (text === undefined) throw new ProviderError('network', `${id} broke off before all embeddings were there. Try again.`)
  const answer = parse(text)
  const vectors: number[][] = []
  for (const [place, { index, embedding }] of (answer?.data ?? []).entries()) vectors[index ?? place] = numbersOf(embedding)
  if (vectors.length !== count || vectors.some(vector => vector.length === 0) || Object.keys(vectors).length !== count) {
    throw new ProviderError('format', `${id} did not answer with ${count} embeddings. Check that the model makes embeddings, and the baseUrl.`)
  }
  return { vectors, usage: { input: answer?.usage?.prompt_tokens ?? answer?.usage?.total_tokens ?? 0 } }
}

function parse (text: string): EmbeddingAnswer | undefined {
  try {
    return JSON.parse(text) as EmbeddingAnswer
  } catch {
    return undefined
  }
}

/** Some servers send base64 whatever was asked for. */
function numbersOf (embedding: unknown): number[] {
  if (Array.isArray(embedding)) return embedding.every(value => typeof value === 'number') ? embedding : []
  if (typeof embedding !== 'string') return []
  const bytes = Buffer.from(embedding, 'base64')
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, place) => bytes.readFloatLE(place * 4))
}
