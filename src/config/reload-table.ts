/** What a change of each key takes, for people: read off the declarations, one row for all that is alike. */
import { childrenOf, type AnyGroup, type Node, type ReloadClass } from './schema/node.ts'
import { configTree } from './schema.ts'

interface Row { readonly path: string, readonly reload: ReloadClass }

function below (node: Node): Array<[name: string, child: Node]> {
  if (node.kind === 'map' || node.kind === 'list') return [['*', node.item as Node]]
  const rest = (node as AnyGroup).rest as Node | undefined
  return [...Object.entries(childrenOf(node) ?? {}), ...(rest ? [['*', rest] as [string, Node]] : [])]
}

/** The outermost places first; a place below one is named only when it differs. */
function rowsOf (node: Node, path: string, inherited: ReloadClass, isShown: boolean): Row[] {
  const reload = node.reload ?? inherited
  const own = path !== '' && (!isShown || reload !== inherited) ? [{ path, reload }] : []
  return [...own, ...below(node).flatMap(([name, child]) => rowsOf(child, path === '' ? name : `${path}.${name}`, reload, path !== ''))]
}

export const reloadRows = (): Row[] => rowsOf(configTree, '', 'restart', false)

const words = (reload: ReloadClass): string => {
  if (reload === 'live') return 'at once'
  if (reload === 'restart') return '**restart**'
  return reload === 'none' ? 'nothing to do' : `at once; \`${reload.slice('room:'.length)}\` is told`
}

export function reloadTableText (): string {
  const rows = reloadRows().map(({ path, reload }) => `| \`${path}\` | ${words(reload)} |`)
  return [
    '# What a change of the configuration takes',
    '',
    'Written by `npm run generate` from `src/config/schema/`, where each key says it. A key that is not listed is as the nearest one',
    'around it, one that nobody knows takes nothing; `*` stands for every name. `openclaw gateway call config.schema.lookup --params \'{"path":"gateway.port"}\'` tells one.',
    '',
    '| Key | Takes |',
    '| --- | --- |',
    ...rows,
    ''
  ].join('\n')
}
