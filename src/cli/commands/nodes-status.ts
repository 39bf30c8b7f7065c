import list from './nodes-list.ts'

/** What people type who know it by this name. */
export default {
  ...list,
  name: 'nodes status',
  summary: 'The same as nodes list',
  examples: [['openclaw nodes status --connected', 'Those that are here.']]
} satisfies typeof list
