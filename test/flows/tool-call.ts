import { testToken, type TestGateway } from '../helper.ts'

interface Answer {
  readonly status: number
  readonly isError: boolean
  readonly text: string
  readonly details: { [field: string]: any }
  readonly raw: string
}

/** A tool as a program calls it. */
export async function invoke ({ http }: TestGateway, tool: string, args: object, more: object = {}): Promise<Answer> {
  const response = await fetch(`${http}/tools/invoke`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ tool, args, ...more })
  })
  const raw = await response.text()
  const { result } = JSON.parse(raw) as { result?: any }
  return { status: response.status, isError: result?.isError === true, text: result?.content?.[0]?.text ?? '', details: result?.details ?? {}, raw }
}
