/** The bench: every target in turn, round after round, medians side by side. See README.md. */
import { mkdtempSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { capture, sizesOf } from './capture.ts'
import { captureTurns } from './capture-turns.ts'
import { createChildren } from './children.ts'
import { parseOptions, usage, type BenchOptions } from './options.ts'
import { rowsOf, table, type Column, type Sample } from './report.ts'
import { scenarios } from './scenarios/index.ts'
import type { Figure, Scenario, ScenarioContext } from './scenarios/scenario.ts'
import type { Workshop } from './targets/launch.ts'
import type { Target } from './targets/target.ts'
import { ceiling, checkoutEntry, fastify, gateway, running, stagePackage } from './targets/targets.ts'
import { createIdentity } from './wire/identity.ts'

/** Enough devices that no gateway lives on one cached row. */
const deviceCount = 16

const say = (line: string): void => { process.stderr.write(`${line}\n`) }

type Contestants = readonly { column: Column, targetFor: (scenario: Scenario) => Target }[]

async function gateways (options: BenchOptions, workshop: Workshop): Promise<Map<Column, Target>> {
  const found = new Map<Column, Target>()
  for (const name of options.targets) {
    if (name === 'ours') {
      const entry = options.dist ? await stagePackage(workshop) : checkoutEntry
      found.set('ours', gateway('ours', entry, workshop, options.agents))
    } else if (name === 'peer') found.set('peer', gateway('peer', resolve(options.peer!), workshop, options.agents))
    else if (name === 'url') found.set('url', running(options.url!, options.secret, options.pid))
  }
  return found
}

/** The ceiling has the sizes of the first gateway of the run. */
async function profileOf (subject: Target | undefined, workshop: Workshop, withTurns: boolean): Promise<string | undefined> {
  if (subject === undefined) return undefined
  say(`looking at ${subject.name} …`)
  const profile = { ...await capture(subject), ...(withTurns && subject.takesModel ? await captureTurns(subject, workshop.children) : {}) }
  say(`ceiling imitates ${subject.name}: ${sizesOf(profile)}`)
  const path = join(workshop.directory, 'profile.json')
  await writeFile(path, JSON.stringify(profile), { mode: 0o600 })
  return path
}

async function contestants (options: BenchOptions, workshop: Workshop, chosen: readonly Scenario[]): Promise<Contestants> {
  const found = await gateways(options, workshop)
  const list: { column: Column, targetFor: (scenario: Scenario) => Target }[] =
    [...found].map(([column, target]) => ({ column, targetFor: () => target }))
  if (!options.targets.includes('ceiling')) return list
  const profile = await profileOf(found.values().next().value, workshop, chosen.some(({ needsTurns }) => needsTurns))
  const bare = { ceiling: ceiling(workshop, profile), fastify: fastify(workshop, profile) }
  list.splice(1, 0, { column: 'ceiling', targetFor: scenario => bare[scenario.ceiling] })
  return list
}

/** A target that fails in one scenario is measured in the others all the same. */
async function figuresOf (scenario: Scenario, target: Target, context: ScenarioContext): Promise<Figure[]> {
  try {
    return await scenario.run(target, context)
  } catch (error) {
    say(`  FAILED: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
    return []
  }
}

async function measureAll (options: BenchOptions, chosen: readonly Scenario[], workshop: Workshop, list: Contestants): Promise<Sample[]> {
  const context: ScenarioContext = {
    children: workshop.children,
    windowMs: options.windowMs,
    scale: options.scale,
    identities: Array.from({ length: deviceCount }, createIdentity)
  }
  const samples: Sample[] = []
  for (const scenario of chosen) {
    for (let round = 1; round <= options.rounds; round++) {
      // Every other round begins with the last, so that nobody always runs on the machine the same neighbour left behind.
      for (const { column, targetFor } of round % 2 === 1 ? list : [...list].reverse()) {
        say(`${scenario.name}, round ${round} of ${options.rounds}: ${column}`)
        samples.push({ scenario: scenario.name, column, round, figures: await figuresOf(scenario, targetFor(scenario), context) })
      }
    }
  }
  return samples
}

function chosenScenarios (only: readonly string[] | undefined): readonly Scenario[] {
  const unknown = only?.find(name => !scenarios.some(scenario => scenario.name === name))
  if (unknown !== undefined) throw new Error(`no scenario ${unknown}; there are ${scenarios.map(({ name }) => name).join(', ')}`)
  return only === undefined ? scenarios.filter(({ onlyNamed }) => !onlyNamed) : scenarios.filter(({ name }) => only.includes(name))
}

async function run (options: BenchOptions, workshop: Workshop): Promise<boolean> {
  const chosen = chosenScenarios(options.only)
  const list = await contestants(options, workshop, chosen)
  const samples = await measureAll(options, chosen, workshop, list)
  const rows = rowsOf(samples)
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}, ${options.rounds} rounds, medians`
  process.stdout.write(`${machine}\n\n${table(rows.filter(row => options.detail || !row.detail), list.map(({ column }) => column))}\n`)
  const { secret, ...shown } = options
  if (options.json) await writeFile(options.json, JSON.stringify({ machine, options: shown, rows, samples }, null, 2))
  return rows.every(row => row.met !== false)
}

async function main (): Promise<void> {
  const options = parseOptions(process.argv.slice(2))
  if (options.help) {
    process.stdout.write(`${usage}\n`)
    return
  }
  const workshop = { children: createChildren(), directory: mkdtempSync(join(tmpdir(), 'gateway-bench-')) }
  process.on('exit', () => {
    workshop.children.killAll()
    rmSync(workshop.directory, { recursive: true, force: true, maxRetries: 5 })
  })
  for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]] as const) process.once(signal, () => process.exit(code))
  const met = await run(options, workshop)
  if (options.check && !met) process.exitCode = 1
}

try {
  await main()
} catch (error) {
  say(`bench: ${error instanceof Error ? error.message : String(error)}`)
  process.exit(1)
}
