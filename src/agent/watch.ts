/** Whoever counts, traces and writes down what runs do. Carries the work out; what it gives and throws passes through. */
import type { ToolCallPart } from '../protocol/transcript.ts'
import type { ToolResult } from '../tools/tool.ts'
import type { RunResult } from './room.ts'
import type { Run } from './run.ts'

export interface RunWatch {
  run (run: Run, work: () => Promise<RunResult>): Promise<RunResult>
  tool (run: Run, call: ToolCallPart, work: () => Promise<ToolResult>): Promise<ToolResult>
}
