import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { createSqliteStore } from '../../src/store/sqlite/sqlite-store.ts'
import type { Entry } from '../../src/store/store.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

const writer = fileURLToPath(new URL('../fixtures/store-writer.ts', import.meta.url))
const rounds = process.env.OPENCLAW_TEST_LONG ? 100 : 8

/** A generator with a seed, so that a failing storm can be run again. */
function createRandom (seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1664525 + 1013904223) % 4294967296
    return state / 4294967296
  }
}

/** Runs the writer until it has acknowledged so many records, waits a moment, kills it. Returns what it acknowledged. */
function writeAndKill (stateDir: string, first: number, count: number, afterMs: number): Promise<number[]> {
  const child = spawn(process.execPath, [writer, stateDir, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const { promise, resolve } = Promise.withResolvers<number[]>()
  let text = ''
  let armed = false
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk
    if (armed || text.split('\n').length <= count + 1) return
    armed = true
    setTimeout(() => child.kill('SIGKILL'), afterMs)
  })
  child.on('close', () => resolve(text.split('\n').slice(1, -1).map(Number)))
  return promise
}

const asMap = <T>(entries: Array<Entry<T>>): Map<string, T> => new Map(entries.map(({ key, value }) => [key, value]))

t.test('whatever was acknowledged before kill -9 is there afterwards, whole', async t => {
  const stateDir = ownDirectory(t)
  const seed = Number(process.env.OPENCLAW_TEST_SEED ?? Date.now() % 100_000)
  const random = createRandom(seed)
  const acknowledged = new Set<number>()
  for (let round = 0; round < rounds; round++) {
    const numbers = await writeAndKill(stateDir, round * 100_000, Math.floor(random() * 60), Math.floor(random() * 25))
    for (const number of numbers) acknowledged.add(number)
    const store = await createSqliteStore({ stateDir })
    const devices = asMap(await store.collection<{ number: number }>('devices').all())
    const surfaces = asMap(await store.collection<number>('node-surfaces').all())
    const lines = new Set((await store.lines.tail('s', { limit: 1e6 })).map(({ id }) => id))
    const runs = new Set((await store.runs.open()).map(({ runId }) => runId))
    const missing = [...acknowledged].filter(number => devices.get(`n${number}`)?.number !== number)
    const halves = [...devices.keys(), ...surfaces.keys(), ...lines, ...runs].filter(key => !devices.has(key) || !surfaces.has(key) || !lines.has(key) || !runs.has(key))
    const { notices } = store.status()
    await store.close()
    if (missing.length > 0 || halves.length > 0 || notices.length > 0) {
      return t.fail(`seed ${seed}, round ${round}`, { missing, halves, notices, files: readdirSync(stateDir) })
    }
  }
  t.ok(acknowledged.size > rounds, `${acknowledged.size} acknowledged records in ${rounds} rounds`)
})
