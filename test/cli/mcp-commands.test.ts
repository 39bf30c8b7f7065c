import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { ownDirectory } from '../fixtures/own-directory.ts'
import { cliHome, runCli } from './run-cli.ts'

t.test('servers are saved, listed, shown and taken out, and the rest of the file stays as it is', async t => {
  const { env, configPath } = cliHome(ownDirectory(t))
  writeFileSync(configPath, '// mine\n{ gateway: { mode: "local" } }\n', { mode: 0o600 })
  t.match((await runCli(['mcp', 'list'], { env })).out, /No MCP servers in .*openclaw mcp set <name>/)
  t.same((await runCli(['mcp', 'list', '--json'], { env })).json(), {})
  const saved = await runCli(['mcp', 'set', 'x', '{"command":"node","args":["a.js","--api-key","abcdef"],"env":{"TOKEN":"very-secret-0123"}}'], { env })
  t.equal(saved.code, 0)
  t.match(saved.out, /^Saved MCP server "x" to .*openclaw\.json\. A gateway that runs takes it up with openclaw mcp reload\.$/m)
  t.equal((await runCli(['mcp', 'set', 'a.b c', '{"type":"http","url":"http://127.0.0.1:1/mcp?key=1"}'], { env })).code, 0)
  t.match(readFileSync(configPath, 'utf8'), /^\/\/ mine/)
  t.equal((await runCli(['mcp'], { env })).out.split('\n').slice(1, 3).join(), '- a.b c,- x')
  const shown = await runCli(['mcp', 'show', 'x'], { env })
  t.match(shown.out, /"command": "node"/)
  t.notMatch(shown.out, /very-secret/)
  t.match((await runCli(['mcp', 'show', 'x', '--show', '--json'], { env })).json(), { env: { TOKEN: 'very-secret-0123' } })
  t.match((await runCli(['mcp', 'list', '--json'], { env })).json(), { 'a.b c': { transport: 'streamable-http', type: undefined } })
  t.match((await runCli(['mcp', 'status', '--json'], { env })).json(), {
    path: configPath,
    servers: [
      { name: 'a.b c', configured: true, enabled: true, ok: true, transport: 'streamable-http', launch: 'http://127.0.0.1:1/mcp?…' },
      { name: 'x', transport: 'stdio', launch: 'node a.js --api-key ***', requestTimeoutMs: 60_000, connectionTimeoutMs: 30_000 }
    ]
  })
  t.match((await runCli(['mcp', 'status', '-v'], { env })).out, /- x: stdio\n {4}node a\.js --api-key \*\*\*/)
  t.match((await runCli(['mcp', 'unset', 'x'], { env })).out, /^Removed MCP server "x"/)
  t.match(await runCli(['mcp', 'unset', 'x'], { env }), { code: 1, err: /No MCP server named "x" in .* Run openclaw mcp list/ })
  t.match(await runCli(['mcp', 'show', 'x', '--json'], { env }), { code: 1, out: /"mcp_server_unknown"/ })
})

t.test('what is no server is not saved', async t => {
  const { env, configPath } = cliHome(ownDirectory(t))
  writeFileSync(configPath, '{ gateway: { mode: "local" } }\n', { mode: 0o600 })
  const before = readFileSync(configPath, 'utf8')
  t.match(await runCli(['mcp', 'set', 'z', 'nojson'], { env }), { code: 1, err: /must be a JSON object/ })
  t.match(await runCli(['mcp', 'set', 'z', '[1]'], { env }), { code: 1, err: /must be a JSON object/ })
  t.match(await runCli(['mcp', 'set', 'z', '{}'], { env }), { code: 1, err: /needs a "command" .* or a "url"/ })
  t.match(await runCli(['mcp', 'set', '__proto__', '{"command":"x"}'], { env }), { code: 1, err: /choose another one/ })
  t.match(await runCli(['mcp', 'set', 'z', '{"command":7}'], { env }), { code: 1, err: /mcp\.servers\.z\.command/ })
  t.match(await runCli(['mcp', 'set', 'z', '{"url":"http://x","transport":"pigeon"}'], { env }), { code: 1, err: /mcp\.servers\.z\.transport/ })
  t.equal(readFileSync(configPath, 'utf8'), before)
})
