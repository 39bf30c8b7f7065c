/** How tools about conversations answer: the text is the JSON of the details. */
import type { Foreseen, ToolResult } from '../tool.ts'

export function answer (details: object): ToolResult {
  return { content: [{ type: 'text', text: JSON.stringify(details, null, 2) }], details }
}

/** Asked rightly, but it cannot be done. */
export const problem = (error: string, more: object = {}): ToolResult => answer({ status: 'error', error, ...more })

/** Asked rightly, but it may not be done. */
export const forbidden = (error: string, more: object = {}): ToolResult => answer({ status: 'forbidden', error, ...more })

/** A dry run that comes upon a refusal. */
export const foreseen = (refusal: ToolResult | undefined): Foreseen =>
  refusal ? { wouldRun: false, because: (refusal.details as { error: string }).error } : { wouldRun: true }
