import { readFile } from 'node:fs/promises'
import { approvalsOf, placeOption } from '../approvals-place.ts'
import { approvalsCourse, type ApprovalsFile } from '../approvals-view.ts'
import { command, flag, text } from '../define-command.ts'
import { CommandFailure } from '../failure.ts'
import { rpcOptions } from '../rpc-options.ts'
import { withGateway } from '../with-gateway.ts'

async function read (file: string | undefined, stdin: NodeJS.ReadableStream | undefined): Promise<ApprovalsFile> {
  if (!file && !stdin) throw new CommandFailure('Say where the document is: --file <path> or --stdin')
  const chunks: string[] = file ? [await readFile(file, 'utf8')] : []
  if (!file) for await (const chunk of stdin!) chunks.push(String(chunk))
  const { default: json5 } = await import('json5')
  try {
    return json5.parse(chunks.join('')) as ApprovalsFile
  } catch (error) {
    throw new CommandFailure(`The document cannot be read: ${(error as Error).message}`)
  }
}

export default command({
  name: 'approvals set',
  summary: 'Replace the document that says which commands agents may run',
  options: { ...rpcOptions, ...placeOption, file: text('path', 'File with the document, JSON or JSON5'), stdin: flag('Read it from the standard input') },
  examples: [
    ['openclaw approvals set --file approvals.json', 'Whatever was there is replaced.'],
    ['openclaw approvals get --json | jq .file | openclaw approvals set --stdin', 'The same again.']
  ],
  async run (context) {
    const { file, stdin, node, json } = context.options
    return await withGateway(context, approvalsCourse('Approvals set'), async ({ client }) => {
      const given = await read(file, stdin ? context.io.stdin : undefined)
      const place = await approvalsOf(client, node)
      const written = await place.write(given, await place.read())
      if (json) context.out.json(written)
      else context.out.line('The approvals document was replaced.')
      return 0
    })
  }
})
