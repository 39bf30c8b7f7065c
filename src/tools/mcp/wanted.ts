/** Whether a server is needed of which the rules name single tools: what it has is not known before it is asked. */
import { agentEntry } from '../../config/agent-entries.ts'
import type { Config } from '../../config/schema.ts'
import type { Tool } from '../tool.ts'

/** `sample` stands for its tools. An entry that ends with `*` has been answered by the rules themselves. */
export function wants (config: Config, agentId: string, sample: Tool): boolean {
  const rules = JSON.stringify([config.tools, agentEntry(config, agentId)?.tools, config.channels]).toLowerCase()
  return new RegExp(`"${sample.name}[^"*]+"`).test(rules)
}
