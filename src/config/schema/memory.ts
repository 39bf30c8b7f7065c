import { group, inherited, key, optionalGroup } from './node.ts'
import { flag, integer, number, oneOf, open, text, Type } from './types.ts'

const none = 'is not offered'

const hybrid = group({ help: 'How words and meaning are put together.', open: true }, {
  enabled: key(flag, { default: true, help: 'Ask for the meaning, too; false: words alone, also where a provider is named.' }),
  vectorWeight: key(number(0, 1), { default: 0.7, help: 'What the meaning counts.' }),
  textWeight: key(number(0, 1), { default: 0.3, help: 'What the words count.' }),
  candidateMultiplier: key(integer(1, 20), { default: 4, help: 'Candidates for each result, of words and of meaning; never fewer than 200.' }),
  mmr: group({ help: 'Leaving out what says the same again.' }, {
    enabled: key(flag, { default: true, help: 'Do so.' }),
    lambda: key(number(0, 1), { default: 0.7, help: '1: only what fits best; less: the more different.' })
  }),
  temporalDecay: group({ help: 'Newer notes before older ones, where a file has its day in its name.' }, {
    enabled: key(flag, { default: true, help: 'Do so.' }),
    halfLifeDays: key(number(1), { default: 30, help: 'Age at which the score is halved.' })
  })
})

const search = group({ help: 'Finding something in MEMORY.md and in memory/ of a workspace.', open: true }, {
  enabled: key(flag, { default: true, failsafe: false, help: 'Offer it.' }),
  provider: key(text, { help: 'Who turns text into vectors: an id of models.providers, or "auto" for openai if there is a key; absent or "none": words alone.' }),
  model: key(text, { help: 'The model for it; absent: the usual one of openai, google, mistral or ollama.' }),
  fallback: key(text, { default: 'none', help: 'Another provider.', retired: `${none}: while the provider is down, words alone are searched, and the answer says so` }),
  sources: key(Type.Array(text), { default: ['memory'], help: 'What is searched.', retired: `${none}: conversations are found with the tool sessions_search` }),
  extraPaths: key(Type.Array(Type.Union([text, open])), { default: [], help: 'Further files.', retired: `${none}: put the files below memory/ in the workspace` }),
  remote: key(open, { help: 'Another address.', retired: `${none}: give the address and its key to a provider (models.providers.<id>) and name that as memory.search.provider` }),
  chunking: group({ help: 'The pieces that files are cut into.' }, {
    tokens: key(integer(50, 4000), { default: 400, help: 'Length of one, in tokens as far as they can be guessed.' }),
    overlap: key(integer(0, 1000), { default: 80, help: 'What one has in common with the next.' })
  }),
  query: group({ help: 'What is found.', open: true }, {
    maxResults: key(integer(1, 50), { default: 6, help: 'Results, unless a call asks for more or fewer.' }),
    minScore: key(number(0, 1), { default: 0.35, help: 'What fits less is left out; the age of a note does not count here.' }),
    hybrid
  }),
  store: group({ help: 'The index.', open: true }, {
    fts: group({ help: 'Words.' }, {
      tokenizer: key(oneOf(['unicode61', 'trigram']), { default: 'unicode61', help: '"trigram" for languages that put no blanks between words.' })
    })
  }),
  cache: group({ help: 'Vectors of text that is in no file at the moment.', open: true }, {
    enabled: key(flag, { default: true, help: 'Keep them: text that comes back is not sent again.' }),
    maxEntries: key(integer(0, 200_000), { default: 20_000, help: 'How many for each agent; the oldest go first.' })
  })
})

export const memory = group({ help: 'Memory of agents: MEMORY.md and memory/*.md of their workspaces.', open: true, reload: 'live' }, {
  backend: key(text, { default: 'builtin', help: 'Another program that searches.', retired: `${none}: memory is searched by the gateway itself` }),
  citations: key(oneOf(['auto', 'on', 'off']), { default: 'auto', help: 'Whether a snippet ends with its place; auto: not in groups and channels.' }),
  search
})

/** `memory` of one agent. */
export const agentMemory = inherited(optionalGroup({ help: 'Its memory, where it differs from that of all agents.', open: true }, { search }))
