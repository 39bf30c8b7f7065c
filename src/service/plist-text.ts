/** Property lists of launchd, written and read. */
import { posix } from 'node:path'
import type { ReadDefinition } from './service.ts'
import type { ServicePlan } from './plan.ts'

type Value = string | number | boolean | readonly Value[] | { readonly [key: string]: Value }

const entities: { readonly [character: string]: string } = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' }
export const escapeXml = (text: string): string => text.replace(/[&<>"']/g, character => entities[character]!)
const unescapeXml = (text: string): string =>
  text.replace(/&(?:amp|lt|gt|quot|apos);/g, entity => Object.keys(entities).find(character => entities[character] === entity)!)

function element (value: Value, indent: string): string {
  if (typeof value === 'string') return `${indent}<string>${escapeXml(value)}</string>`
  if (typeof value === 'number') return `${indent}<integer>${value}</integer>`
  if (typeof value === 'boolean') return `${indent}<${value}/>`
  const inner = `${indent}  `
  if (Array.isArray(value)) return [`${indent}<array>`, ...value.map(item => element(item, inner)), `${indent}</array>`].join('\n')
  const pairs = Object.entries(value).map(([key, item]) => `${inner}<key>${escapeXml(key)}</key>\n${element(item, inner)}`)
  return [`${indent}<dict>`, ...pairs, `${indent}</dict>`].join('\n')
}

const leastExitSeconds = 20
const exitMarginMs = 5_000
const descriptors = { NumberOfFiles: 65_536 }

export const launchdLogs = (homeDir: string, profile: string | undefined): { readonly out: string, readonly err: string } => {
  const base = posix.join(homeDir, 'Library', 'Logs', 'openclaw', profile === undefined ? 'gateway' : `gateway-${profile}`)
  return { out: `${base}.log`, err: `${base}.err.log` }
}

export function plistText (plan: ServicePlan): string {
  const logs = launchdLogs(plan.environment['HOME']!, plan.environment['OPENCLAW_PROFILE'])
  const content = {
    Label: plan.names.label,
    Comment: plan.names.description,
    RunAtLoad: true,
    // launchd has no list of exit codes that end the trying: the gateway leaves with 0 where another try is useless.
    KeepAlive: { SuccessfulExit: false },
    ExitTimeOut: Math.max(leastExitSeconds, Math.ceil((plan.stopBudgetMs + exitMarginMs) / 1000)),
    ProcessType: 'Interactive',
    ThrottleInterval: 10,
    Umask: 0o77,
    SoftResourceLimits: descriptors,
    HardResourceLimits: descriptors,
    ProgramArguments: plan.programArguments,
    WorkingDirectory: plan.workingDirectory,
    StandardInPath: '/dev/null',
    StandardOutPath: logs.out,
    StandardErrorPath: logs.err,
    EnvironmentVariables: plan.environment
  }
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    '<plist version="1.0">', element(content, ''), '</plist>', ''
  ].join('\n')
}

const stringsIn = (text: string): string[] => [...text.matchAll(/<string>([^<]*)<\/string>/g)].map(([, value]) => unescapeXml(value!))

/** Reads what we write; of other property lists what stands where we would put it. */
export function readPlist (text: string): ReadDefinition {
  const behind = (key: string, pattern: string): string => new RegExp(`<key>${key}</key>\\s*${pattern}`).exec(text)?.[1] ?? ''
  const pairs = behind('EnvironmentVariables', '<dict>([\\s\\S]*?)</dict>').matchAll(/<key>([^<]*)<\/key>\s*<string>([^<]*)<\/string>/g)
  return {
    programArguments: stringsIn(behind('ProgramArguments', '<array>([\\s\\S]*?)</array>')),
    workingDirectory: unescapeXml(behind('WorkingDirectory', '<string>([^<]*)</string>')) || undefined,
    environment: Object.fromEntries([...pairs].map(([, name, value]) => [unescapeXml(name!), unescapeXml(value!)]))
  }
}
