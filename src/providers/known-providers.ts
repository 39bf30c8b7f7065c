/** Providers that need no more than a key: where they are, what they speak, and which variable holds the key. */
import { knownModels, type KnownModel } from './known-models.ts'

export interface KnownProvider {
  readonly api: string
  readonly baseUrl: string
  /** Variables that may hold the key, the first one being the one to name. Empty: none is needed. */
  readonly keyNames: readonly string[]
  readonly models: readonly KnownModel[]
}

const completions = (baseUrl: string, ...keyNames: string[]): Omit<KnownProvider, 'models'> => ({ api: 'openai-completions', baseUrl, keyNames })

const places: { readonly [id: string]: Omit<KnownProvider, 'models'> } = {
  openai: { api: 'openai-responses', baseUrl: 'https://api.openai.com/v1', keyNames: ['OPENAI_API_KEY'] },
  anthropic: { api: 'anthropic-messages', baseUrl: 'https://api.anthropic.com', keyNames: ['ANTHROPIC_API_KEY'] },
  google: {
    api: 'google-generative-ai',
    baseUrl: 'https://generativelanguage.googleapis.com/v1beta',
    keyNames: ['GEMINI_API_KEY', 'GOOGLE_API_KEY']
  },
  openrouter: completions('https://openrouter.ai/api/v1', 'OPENROUTER_API_KEY'),
  groq: completions('https://api.groq.com/openai/v1', 'GROQ_API_KEY'),
  mistral: completions('https://api.mistral.ai/v1', 'MISTRAL_API_KEY'),
  deepseek: completions('https://api.deepseek.com/v1', 'DEEPSEEK_API_KEY'),
  xai: completions('https://api.x.ai/v1', 'XAI_API_KEY'),
  cerebras: completions('https://api.cerebras.ai/v1', 'CEREBRAS_API_KEY'),
  together: completions('https://api.together.xyz/v1', 'TOGETHER_API_KEY'),
  fireworks: completions('https://api.fireworks.ai/inference/v1', 'FIREWORKS_API_KEY'),
  moonshot: completions('https://api.moonshot.ai/v1', 'MOONSHOT_API_KEY'),
  nvidia: completions('https://integrate.api.nvidia.com/v1', 'NVIDIA_API_KEY'),
  huggingface: completions('https://router.huggingface.co/v1', 'HF_TOKEN', 'HUGGINGFACE_HUB_TOKEN'),
  venice: completions('https://api.venice.ai/api/v1', 'VENICE_API_KEY'),
  zai: completions('https://api.z.ai/api/paas/v4', 'ZAI_API_KEY'),
  ollama: completions('http://127.0.0.1:11434/v1'),
  lmstudio: completions('http://127.0.0.1:1234/v1'),
  vllm: completions('http://127.0.0.1:8000/v1'),
  sglang: completions('http://127.0.0.1:30000/v1'),
  'llama.cpp': completions('http://127.0.0.1:8080/v1')
}

/** Keys of servers that usually want none; taken when they are set. */
export const optionalKeyNames: { readonly [id: string]: readonly string[] } = {
  ollama: ['OLLAMA_API_KEY'], lmstudio: ['LM_API_TOKEN'], vllm: ['VLLM_API_KEY'], sglang: ['SGLANG_API_KEY']
}

export const knownProviderIds: readonly string[] = Object.keys(places)

export const knownProvider = (id: string): KnownProvider | undefined =>
  Object.hasOwn(places, id) ? { ...places[id]!, models: knownModels[id] ?? [] } : undefined
