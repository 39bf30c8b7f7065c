import t from 'tap'
import { createNarration, type Telling } from '../../src/routes/requests/narration.ts'
import { progressOf } from '../../src/routes/requests/progress.ts'
import type { RunEvent, RunResult } from '../../src/agent/room.ts'

const detail = (args: object, tool = 'fetch'): string | undefined => progressOf(tool, args).toolDetail
const command = (line: string): string | undefined => progressOf('exec', { command: line }).toolDetail

t.test('each kind of work has its stage and its few words', async t => {
  const cases: Array<[string, object, string, string]> = [
    ['read_document', { page: 3 }, 'reading_document', 'Reading document page 3'], ['read_document', {}, 'reading_document', 'Reading document'],
    ['read_spreadsheet', { row: 2 }, 'reading_spreadsheet', 'Reading spreadsheet row 2'],
    ['read_spreadsheet', { start_row: 2, end_row: 9 }, 'reading_spreadsheet', 'Reading spreadsheet rows 2-9'],
    ['read_spreadsheet', { start_row: 2 }, 'reading_spreadsheet', 'Reading spreadsheet from row 2'],
    ['read_spreadsheet', { sheet: 'May' }, 'reading_spreadsheet', 'Reading spreadsheet sheet May'],
    ['exec', { command: 'go test ./...' }, 'running_tool', 'Running go test'], ['exec', { command: 'python -m pytest -q' }, 'running_tool', 'Running pytest'],
    ['exec', { command: 'cd x && pnpm run test' }, 'running_tool', 'Running npm test'], ['exec', { command: 'A=1 git status' }, 'running_tool', 'Running git command'],
    ['exec', { command: "bash -lc 'ls -la | wc'" }, 'running_tool', 'Inspecting workspace'], ['exec', { command: 'make' }, 'running_tool', 'Running local tool'],
    ['exec', {}, 'running_tool', 'Running local tool'], ['web_search', { query: 'x' }, 'running_tool', 'Running local tool']
  ]
  for (const [tool, args, stage, summary] of cases) t.match(progressOf(tool, args), { stage, summary }, `${tool} ${JSON.stringify(args)}`)
  for (const odd of [undefined, null, 7, 'x', []]) t.match(progressOf('exec', odd), { stage: 'running_tool' })
})

t.test('details are short and harmless, or not there', async t => {
  const cases: Array<[object, string | undefined]> = [
    [{ path: '/home/me/projects/app/src/x.ts' }, '.../app/src/x.ts'], [{ path: 'src/x.ts' }, 'src/x.ts'],
    [{ url: 'https://user:pw@x.test/a/b?key=secret#frag' }, 'x.test/a/b'], [{ url: 'https://x.test/' }, 'x.test'],
    [{ query: 'weather in Köln' }, 'weather in Köln'], [{ query: 'a; rm -rf $HOME' }, undefined], [{ query: '<b>' }, undefined], [{ query: 'x'.repeat(97) }, undefined],
    [{ query: 'one', path: 'two', name: 'three' }, 'two one'], [{ token: 'abc', password: 'abc', api_key: 'abc' }, undefined], [{ body: 'not shown' }, undefined],
    [{ query: 'sk-abcdef' }, undefined], [{ query: 'ghp_abcdef' }, undefined], [{ query: 'tgit_abc' }, undefined], [{ query: 'Bearer abc' }, undefined],
    [{ name: 'eyJhbGciOi.eyJzdWIi.x' }, undefined], [{ query: { nested: 1 } }, undefined], [{ query: '\u202edesrever' }, undefined], [{}, undefined]
  ]
  for (const [args, shown] of cases) t.equal(detail(args), shown, JSON.stringify(args))
})

t.test('of a command the program is shown, and never what is secret about it', async t => {
  const cases: Array<[string, string | undefined]> = [
    ['npm test', 'npm test'], ['cd /x && export A=b; npm run build', 'npm run build'], ['TOKEN=abc npm test', 'npm test'], ['set -e\nmake all', 'make all'],
    ['for f in *; do rm $f; done', 'shell loop'], ['curl --token abc x', 'curl x'], ['deploy --api-key=abc now', 'deploy now'], ['curl -H "Authorization: Bearer x" y', undefined],
    ['curl https://x.test/a?token=1', 'curl x.test/a'], ['cat /very/long/path/to/file', 'cat .../path/to/file'], ['echo $(cat /etc/passwd)', undefined],
    ['login sk-abcdef', undefined], ['echo "quoted"', undefined], ['', undefined], ['cd /x', undefined], ["sh -c 'git push --password hunter2 origin'", 'git push origin']
  ]
  for (const [line, shown] of cases) t.equal(command(line), shown, line)
})

const event = (stream: RunEvent['stream'], data: object): RunEvent =>
  ({ runId: 'r', sessionKey: 's', agentId: 'main', seq: 0, ts: 0, stream, data: data as RunEvent['data'] })
const result = (more: Partial<RunResult>): RunResult =>
  ({ runId: 'r', sessionKey: 's', agentId: 'main', sessionId: 'i', outcome: 'ok', text: '', endedAtMs: 0, ...more })

function narrated (events: readonly RunEvent[], end: RunResult): Array<Telling & { words?: unknown }> {
  const told: Telling[] = []
  const narration = createNarration({ tell: telling => told.push(telling), now: () => 0 })
  for (const one of events) narration.hear(one)
  narration.end(end)
  return told
}

const types = (told: readonly Telling[]): string[] => told.map(({ type }) => type)

t.test('a story begins and ends once, also when nothing was heard in between', async t => {
  t.same(types(narrated([], result({ text: 'Hi' }))), ['run.started', 'run.progress', 'message.delta', 'message.completed', 'run.completed'])
  t.same(types(narrated([], result({ outcome: 'error', error: { kind: 'x', message: 'y' } }))), ['run.started', 'run.progress', 'run.error'])
  t.same(types(narrated([], result({ outcome: 'timeout', error: { kind: 'timeout', message: 'y' } }))), ['run.started', 'run.progress', 'run.error'])
  t.same(types(narrated([], result({ outcome: 'aborted', stopReason: 'cancel' }))), ['run.canceled'])
  t.match(narrated([], result({ outcome: 'aborted', stopReason: 'shutdown' })).at(-1), { type: 'run.error', data: { error: { kind: 'unavailable' } } })
})

t.test('words of silence are never told, not even their beginning', async t => {
  const told = narrated(['NO', 'NO_RE', 'NO_REPLY'].map(text => event('assistant', { text, delta: '', itemId: 'r:1' })), result({ text: '' }))
  t.same(types(told), ['run.started', 'run.progress', 'message.completed', 'run.completed'])
})

t.test('of calls that are made together the first is told, and the same state only once', async t => {
  const call = (phase: string, toolCallId: string) => event('tool', { phase, name: 'fetch', toolCallId, args: { query: toolCallId } })
  const told = narrated([call('start', 'a'), call('start', 'b'), call('result', 'b'), call('result', 'a'), call('result', 'a')], result({ text: 'x' }))
  t.same(told.filter(({ type }) => type === 'run.progress').map(({ data }) => [data.stage, data.toolCallId]),
    [['preparing', undefined], ['running_tool', 'a'], ['summarizing', 'a']])
})

t.test('what the last telling held back comes with the end', async t => {
  const told = narrated([event('assistant', { text: 'Hello', itemId: 'r:1' }), event('assistant', { text: 'Hello wor', itemId: 'r:1' })], result({ text: 'Hello world' }))
  t.equal(told.filter(({ type }) => type === 'message.delta').map(({ data }) => data.delta).join(''), 'Hello world')
})
