/** What goes wrong on the web, told so that whoever called can do better. */
import { OutboundError } from '../../lib/outbound/outbound-error.ts'
import { FileFailure } from '../files/failure.ts'
import type { ToolResult } from '../tool.ts'

/** Its message is for the agent. */
export class WebFailure extends Error {}

const isForAgents = (error: unknown): error is Error =>
  error instanceof WebFailure || error instanceof OutboundError || error instanceof FileFailure

/** A result instead of an exception: the model reads it and goes on. What is not known here is a defect and stays an error. */
export async function answering (tool: string, work: () => Promise<ToolResult>): Promise<ToolResult> {
  try {
    return await work()
  } catch (error) {
    if (!isForAgents(error)) throw error
    const { message } = error
    return { content: [{ type: 'text', text: message }], details: { status: 'error', tool, error: message }, isError: true }
  }
}

/** As JSON for programs and models alike. */
export const jsonResult = (details: object): ToolResult => ({ content: [{ type: 'text', text: JSON.stringify(details, null, 2) }], details })
