/** The options that every command shares which talks to a gateway. */
import { flag, integer, text } from './define-command.ts'

const port = integer('port', 'Gateway of this machine on this port', { min: 1, max: 65_535 })
const longestTimeoutMs = 3_600_000

export const jsonOption = { json: flag('Print one JSON document') }

export const rpcOptionsWith = (timeoutMs: number) => ({
  url: text('url', 'Gateway to talk to (needs --token or --password)'),
  port,
  token: text('token', 'Gateway token'),
  password: text('password', 'Gateway password'),
  timeout: integer('ms', 'How long to wait', { min: 1, max: longestTimeoutMs }, timeoutMs),
  ...jsonOption
})

export const rpcOptions = rpcOptionsWith(10_000)
