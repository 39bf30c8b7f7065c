/** Models whose limits and list prices (dollars per million tokens) are known without asking; the configuration overrides all of it. */

export interface KnownModel {
  readonly id: string
  readonly name: string
  readonly reasoning: boolean
  readonly contextWindow: number
  readonly maxTokens: number
  /** Input, output, cache read, cache write. */
  readonly prices: readonly [number, number, number, number]
}

type Row = [id: string, name: string, reasoning: boolean, contextWindow: number, maxTokens: number, ...prices: KnownModel['prices']]

const rows = (...list: Row[]): KnownModel[] => list.map(([id, name, reasoning, contextWindow, maxTokens, ...prices]) =>
  ({ id, name, reasoning, contextWindow, maxTokens, prices }))

export const knownModels: { readonly [provider: string]: readonly KnownModel[] } = {
  openai: rows(
    ['gpt-5', 'GPT-5', true, 400_000, 128_000, 1.25, 10, 0.125, 0],
    ['gpt-5-mini', 'GPT-5 mini', true, 400_000, 128_000, 0.25, 2, 0.025, 0],
    ['gpt-5-nano', 'GPT-5 nano', true, 400_000, 128_000, 0.05, 0.4, 0.005, 0],
    ['gpt-4.1', 'GPT-4.1', false, 1_047_576, 32_768, 2, 8, 0.5, 0],
    ['gpt-4.1-mini', 'GPT-4.1 mini', false, 1_047_576, 32_768, 0.4, 1.6, 0.1, 0],
    ['gpt-4o', 'GPT-4o', false, 128_000, 16_384, 2.5, 10, 1.25, 0],
    ['gpt-4o-mini', 'GPT-4o mini', false, 128_000, 16_384, 0.15, 0.6, 0.075, 0],
    ['o3', 'o3', true, 200_000, 100_000, 2, 8, 0.5, 0],
    ['o4-mini', 'o4-mini', true, 200_000, 100_000, 1.1, 4.4, 0.275, 0]
  ),
  anthropic: rows(
    ['claude-opus-4-5', 'Claude Opus 4.5', true, 200_000, 64_000, 5, 25, 0.5, 6.25],
    ['claude-sonnet-4-5', 'Claude Sonnet 4.5', true, 200_000, 64_000, 3, 15, 0.3, 3.75],
    ['claude-haiku-4-5', 'Claude Haiku 4.5', true, 200_000, 64_000, 1, 5, 0.1, 1.25]
  ),
  google: rows(
    ['gemini-2.5-pro', 'Gemini 2.5 Pro', true, 1_048_576, 65_536, 1.25, 10, 0.125, 0],
    ['gemini-2.5-flash', 'Gemini 2.5 Flash', true, 1_048_576, 65_536, 0.3, 2.5, 0.03, 0]
  )
}
