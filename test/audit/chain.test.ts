/** The chain: what is written can be proved, and what was changed is found, wherever and however. */
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { appendFileSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createAudit, type Audit } from '../../src/audit/audit.ts'
import type { Act } from '../../src/audit/act.ts'
import { auditPlaces } from '../../src/audit/segments.ts'
import { verifyAudit } from '../../src/audit/verify.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'
import { eventually } from '../process/daemon.ts'

interface Scene {
  readonly audit: Audit
  readonly stateDir: string
  readonly places: ReturnType<typeof auditPlaces>
  readonly trouble: string[]
}

const generous = { maxFileBytes: 1e6, maxTotalBytes: 1e8, maxAgeMs: 1e12 }

function scene (t: Test, { limits = generous, now = Date.now, stateDir = join(ownDirectory(t), 'state') }: {
  limits?: typeof generous, now?: () => number, stateDir?: string
} = {}): Scene {
  const places = auditPlaces(stateDir)
  const trouble: string[] = []
  const audit = createAudit({
    places,
    limits: () => limits,
    enabled: () => true,
    now,
    redact: text => text.replaceAll('hunter2-is-my-secret', '***'),
    onTrouble: error => trouble.push(error.message),
    onRecovered: () => trouble.push('recovered'),
    retryMs: 20
  })
  t.teardown(() => audit.close())
  return { audit, stateDir, places, trouble }
}

const act = (number: number, more: Partial<Act> = {}): Act =>
  ({ kind: 'config', act: 'config.patch', outcome: 'ok', actor: { principal: 'device:äöü', address: '127.0.0.1' }, about: { number }, ...more })

async function written (t: Test, count: number, options?: Parameters<typeof scene>[1]): Promise<Scene> {
  const made = scene(t, options)
  for (let number = 1; number <= count; number++) made.audit.told(act(number))
  await made.audit.flush()
  return made
}

const fileOf = ({ places }: Scene): string => join(places.directory, readdirSync(places.directory).sort().at(-1)!)

t.test('entries come back in both orders, by page and by what they are about', async t => {
  const { audit } = await written(t, 25)
  audit.told(act(26, { kind: 'key', act: 'keys.create', outcome: 'refused', code: 'FORBIDDEN' }))
  const first = await audit.list({ limit: 10 })
  t.same(first.entries.map(({ seq }) => seq), [26, 25, 24, 23, 22, 21, 20, 19, 18, 17])
  const second = await audit.list({ limit: 100, cursor: first.next! })
  t.same(second.entries.map(({ seq }) => seq), Array.from({ length: 16 }, (_, index) => 16 - index))
  t.equal(second.next, undefined)
  t.same((await audit.list({ limit: 3, order: 'oldest', cursor: 5 })).entries.map(({ seq }) => seq), [6, 7, 8])
  t.same((await audit.list({ limit: 3, kinds: ['key'] })).entries.map(entry => [entry.act, entry.code]), [['keys.create', 'FORBIDDEN']])
  t.equal((await audit.list({ limit: 3, outcome: 'refused' })).entries.length, 1)
  t.same((await audit.list({ limit: 3, principal: 'nobody' })).entries, [])
})

t.test('one changed byte is found wherever it is', async t => {
  const made = await written(t, 4)
  const file = fileOf(made)
  const good = readFileSync(file)
  t.ok((await made.audit.verify()).ok)
  let found = 0
  for (let index = 0; index < good.length; index++) {
    const bad = Buffer.from(good)
    bad[index] = bad[index]! ^ (1 << (index % 8))
    writeFileSync(file, bad)
    if (!(await verifyAudit(made.places)).ok) found++
  }
  t.equal(found, good.length, `all of ${good.length} bytes`)
  writeFileSync(file, good)
  const head = readFileSync(made.places.headFile)
  found = 0
  for (let index = 0; index < head.length - 1; index++) {
    const bad = Buffer.from(head)
    bad[index] = bad[index]! ^ 1
    writeFileSync(made.places.headFile, bad)
    if (!(await verifyAudit(made.places)).ok) found++
  }
  t.equal(found, head.length - 1, 'and every byte of the head')
})

t.test('lines that were taken out, put in or exchanged are found, and named', async t => {
  const made = await written(t, 10)
  const file = fileOf(made)
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
  const problemsOf = async (changed: readonly string[]): Promise<string[]> => {
    writeFileSync(file, changed.map(line => `${line}\n`).join(''))
    return (await verifyAudit(made.places)).problems.map(({ seq, problem }) => `${seq}: ${problem}`)
  }
  t.same(await problemsOf(lines), [])
  t.match(await problemsOf(lines.toSpliced(4, 1)), [/^6: entries are missing: 4 is followed by 6/])
  t.match(await problemsOf(lines.toSpliced(3, 2, lines[4]!, lines[3]!)), [/^5: /, /^4: /, /^6: /])
  t.match(await problemsOf(lines.toSpliced(4, 0, lines[4]!)), [/^5: entries are missing: 5 is followed by 5/])
  t.match(await problemsOf(lines.slice(0, 8)), [/^10: entries are missing at the end: the head, which is kept apart, knows entry 10/])
  t.match(await problemsOf([]), [/^10: entries are missing at the end/])
  t.match(await problemsOf(lines.slice(2)), [/^3: entries are missing: 0 is followed by 3/])
  rmSync(file)
  t.match((await verifyAudit(made.places)).problems, [{ problem: /entries are missing at the end/ }])
})

t.test('a head that somebody kept elsewhere proves what the files of this machine cannot', async t => {
  const made = await written(t, 10)
  const { head } = await made.audit.verify()
  t.match(head, /^10:/)
  await made.audit.close()
  rmSync(made.stateDir, { recursive: true })
  const forged = await written(t, 12, { stateDir: made.stateDir })
  t.ok((await forged.audit.verify()).ok, 'a chain that was forged as a whole is right in itself')
  t.match((await forged.audit.verify(head)).problems, [{ seq: 10, problem: 'the head that you remember knows another entry 10' }])
})

t.test('the chain goes on after a restart, and behind damage it never looks whole again', async t => {
  const made = await written(t, 5)
  await made.audit.close()
  const again = await written(t, 5, { stateDir: made.stateDir })
  t.match(await again.audit.verify(), { ok: true, entries: 10, last: 10 })
  await again.audit.close()
  const file = fileOf(made)
  const lines = readFileSync(file, 'utf8').split('\n')
  writeFileSync(file, `${lines.slice(0, 7).join('\n')}\n`)
  const third = await written(t, 1, { stateDir: made.stateDir })
  t.match((await third.audit.list({ limit: 2 })).entries[1], { seq: 11, act: 'audit.damaged', about: { found: /there are 7 of 10/ } })
  t.match((await third.audit.verify()).problems, [{ seq: 11, problem: 'entries are missing: 7 is followed by 11' }])
})

t.test('what a kill left of a line is cut off, and nothing that was durable is', async t => {
  const made = await written(t, 3)
  await made.audit.close()
  appendFileSync(fileOf(made), '{"seq":4,"at":"2026-')
  t.match(await verifyAudit(made.places), { ok: true, entries: 3 }, 'before anybody repairs it')
  const again = await written(t, 1, { stateDir: made.stateDir })
  t.match(await again.audit.verify(), { ok: true, entries: 4, problems: [] })
})

t.test('files are rotated, the oldest go, and the log says itself that they went', async t => {
  const limits = { ...generous, maxFileBytes: 2_000, maxTotalBytes: 8_000 }
  const made = scene(t, { limits })
  for (let number = 1; number <= 120; number++) {
    made.audit.told(act(number))
    if (number % 4 === 0) await made.audit.flush()
  }
  await made.audit.flush()
  const files = readdirSync(made.places.directory)
  const bytes = files.reduce((sum, name) => sum + statSync(join(made.places.directory, name)).size, 0)
  t.ok(files.length > 2, `${files.length} files`)
  t.ok(bytes <= limits.maxTotalBytes + 2 * limits.maxFileBytes, `${bytes} bytes`)
  const report = await made.audit.verify()
  t.same(report.problems, [])
  t.ok(report.first! > 1)
  t.ok((await made.audit.list({ limit: 500, act: 'audit.pruned' })).entries.length > 0)
  rmSync(join(made.places.directory, files.sort()[0]!))
  t.match((await verifyAudit(made.places)).problems, [{ problem: /entries are missing/ }], 'one that went otherwise is missed')
})

t.test('whoever lets go of entries by moving the base is found out', async t => {
  const limits = { ...generous, maxFileBytes: 2_000 }
  const made = scene(t, { limits })
  for (let number = 1; number <= 40; number++) {
    made.audit.told(act(number))
    await made.audit.flush()
  }
  const [first, second] = readdirSync(made.places.directory).sort()
  const lastOfFirst = JSON.parse(readFileSync(join(made.places.directory, first!), 'utf8').trimEnd().split('\n').at(-1)!) as { seq: number, hash: string }
  const head = JSON.parse(readFileSync(made.places.headFile, 'utf8')) as object
  writeFileSync(made.places.headFile, JSON.stringify({ ...head, base: { seq: lastOfFirst.seq, hash: lastOfFirst.hash } }))
  rmSync(join(made.places.directory, first!))
  t.ok(second)
  t.match((await verifyAudit(made.places)).problems, [{ problem: /are gone, and the log does not say that they were to go/ }])
})

t.test('what is older than the log is to be goes by whole files', async t => {
  let nowMs = Date.parse('2026-01-01T00:00:00Z')
  const made = scene(t, { limits: { ...generous, maxFileBytes: 1_000, maxAgeMs: 24 * 60 * 60_000 }, now: () => nowMs })
  for (let day = 0; day < 6; day++) {
    for (let number = 1; number <= 5; number++) {
      made.audit.told(act(number))
      await made.audit.flush()
    }
    nowMs += 24 * 60 * 60_000
  }
  const { entries } = await made.audit.list({ limit: 500, order: 'oldest' })
  t.ok(Date.parse(entries[0]!.at) >= nowMs - 4 * 24 * 60 * 60_000, entries[0]!.at)
  t.ok((await made.audit.verify()).ok)
})

t.test('acts that come together share one write, and the teller waits for none', async t => {
  const made = scene(t)
  const startedAt = performance.now()
  for (let number = 0; number < 5_000; number++) made.audit.told(act(number))
  const toldMs = performance.now() - startedAt
  await made.audit.flush()
  const flushedMs = performance.now() - startedAt
  t.match(await made.audit.verify(), { ok: true, entries: 5_000 })
  t.ok(toldMs < flushedMs, `${toldMs.toFixed(1)} ms to tell, ${flushedMs.toFixed(1)} ms to write`)
})

t.test('a disk that does not take entries costs those beyond the bound, and the log counts them', async t => {
  const made = scene(t)
  mkdirSync(made.stateDir, { recursive: true })
  writeFileSync(made.places.directory, 'a file where the directory should be')
  for (let number = 0; number < 9_000; number++) made.audit.told(act(number))
  await made.audit.flush()
  t.equal(made.audit.facts().failing, true)
  t.equal(made.audit.facts().waiting, 8_192)
  rmSync(made.places.directory)
  await eventually(async () => made.audit.facts().waiting, waiting => waiting === 0)
  t.match((await made.audit.list({ limit: 5, act: 'audit.dropped' })).entries, [{ outcome: 'failed', about: { acts: 808 } }])
  t.equal(made.trouble.length, 2, made.trouble.join(', '))
  t.ok((await made.audit.verify()).ok)
})

t.test('what strangers try again and again is written once, and then counted', async t => {
  let nowMs = Date.now()
  const made = scene(t, { now: () => nowMs })
  const knock = (): void => made.audit.told({ kind: 'auth', act: 'connect', outcome: 'refused', code: 'AUTH_TOKEN_MISMATCH', repeats: 'connect AUTH_TOKEN_MISMATCH 10.0.0.1' })
  for (let number = 0; number < 10_000; number++) knock()
  nowMs += 61_000
  knock()
  for (let number = 0; number < 2_000; number++) made.audit.told({ kind: 'auth', act: 'connect', outcome: 'refused', repeats: `stranger ${number}` })
  await made.audit.close()
  const lines = readFileSync(fileOf(made), 'utf8').trimEnd().split('\n').map(line => JSON.parse(line) as { about?: { repeated?: number } })
  t.ok(lines.length < 600, `${lines.length} lines`)
  t.ok(lines.some(({ about }) => about?.repeated === 9_999))
  t.ok(lines.some(({ about }) => about?.repeated === 1_745), 'kinds beyond the bound are counted as one')
})

t.test('neither secrets nor control characters get in, and long texts are cut', async t => {
  const made = scene(t)
  made.audit.told(act(1, { act: 'x\u001b[31m', about: { name: `a hunter2-is-my-secret ${'long '.repeat(500)}`, list: ['hunter2-is-my-secret', 'fine'] } }))
  await made.audit.flush()
  const text = readFileSync(fileOf(made), 'utf8')
  t.notMatch(text, 'hunter2')
  t.notMatch(text, '\u001b')
  t.ok(text.length < 1_500, `${text.length} characters`)
})

t.test('a process that is killed while it writes loses nothing that was flushed', async t => {
  const stateDir = join(ownDirectory(t), 'state')
  const child = spawn(process.execPath, ['--input-type=module', '-e', `
    import { createAudit } from ${JSON.stringify(new URL('../../src/audit/audit.ts', import.meta.url).href)}
    import { auditPlaces } from ${JSON.stringify(new URL('../../src/audit/segments.ts', import.meta.url).href)}
    const audit = createAudit({ places: auditPlaces(${JSON.stringify(stateDir)}), limits: () => (${JSON.stringify({ ...generous, maxFileBytes: 20_000 })}),
      enabled: () => true, now: Date.now, redact: text => text, onTrouble () {}, onRecovered () {} })
    for (let number = 1; ; number++) {
      audit.told({ kind: 'config', act: 'x', outcome: 'ok', about: { number } })
      if (number % 7 === 0) { await audit.flush(); console.log(number) }
    }
  `], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  let said = ''
  child.stdout.on('data', chunk => { said += String(chunk) })
  await eventually(async () => said.split('\n').length, lines => lines > 40)
  const closed = once(child, 'close')
  child.kill('SIGKILL')
  await closed
  const durable = Number(said.trimEnd().split('\n').at(-1))
  const made = await written(t, 1, { stateDir })
  const report = await made.audit.verify()
  t.same(report.problems, [])
  t.ok(report.entries > durable, `${report.entries} entries, ${durable} of which were durable`)
})

t.test('a log without a head says so, and goes on', async t => {
  const made = await written(t, 4)
  await made.audit.close()
  rmSync(made.places.headFile)
  t.match((await verifyAudit(made.places)).problems, [{ problem: /the head is missing/ }])
  const again = await written(t, 1, { stateDir: made.stateDir })
  t.match((await again.audit.list({ limit: 5, act: 'audit.damaged' })).entries, [{ about: { found: 'the head is missing' } }])
})
