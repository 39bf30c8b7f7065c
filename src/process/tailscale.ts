/** Puts tailscale serve or funnel in front of the port with tailscale's own program, and takes it back. */
import { execFile } from 'node:child_process'

export interface TailscaleFrontOptions {
  readonly mode: 'serve' | 'funnel'
  readonly port: number
  readonly tls: boolean
  readonly preserveFunnel: boolean
  readonly resetOnExit: boolean
  readonly env: { readonly [name: string]: string | undefined }
  readonly log: { info (text: string): void, warn (text: string): void }
}

export interface TailscaleFront {
  /** Stops what is under way, and takes the front back where that is wanted. */
  close (): Promise<void>
}

const startTimeoutMs = 20_000
const resetTimeoutMs = 4_000
const mostOutputBytes = 64 * 1024
const mostWords = 300

interface Outcome {
  readonly stdout: string
  readonly problem?: string
  readonly missing?: boolean
}

type Run = (args: readonly string[], timeout: number, signal?: AbortSignal) => Promise<Outcome>

const createRun = (program: string, env: TailscaleFrontOptions['env']): Run => (args, timeout, signal) => new Promise(resolve => {
  const own = { PATH: env['PATH'], HOME: env['HOME'], SystemRoot: env['SystemRoot'] }
  execFile(program, args, { env: own, timeout, killSignal: 'SIGKILL', maxBuffer: mostOutputBytes, windowsHide: true, ...(signal ? { signal } : {}) }, (error, stdout, stderr) => {
    if (!error) return resolve({ stdout })
    const said = `${stderr}\n${stdout}`.trim().replace(/\s+/g, ' ').slice(0, mostWords)
    const why = error.killed ? `no end after ${timeout} ms` : `exit ${error.code ?? error.signal ?? 'unknown'}`
    resolve({ stdout, problem: said === '' ? why : `${why}: ${said}`, missing: error.code === 'ENOENT' })
  }).stdin?.end()
})

function hasFunnel (status: string): boolean {
  try {
    const { AllowFunnel } = JSON.parse(status) as { AllowFunnel?: { [host: string]: boolean } | null }
    return Object.values(AllowFunnel ?? {}).includes(true)
  } catch {
    return false
  }
}

export function putTailscaleInFront (options: TailscaleFrontOptions): TailscaleFront {
  const { mode, port, log } = options
  const program = options.env['OPENCLAW_TAILSCALE_BIN'] || 'tailscale'
  const run = createRun(program, options.env)
  const leaving = new AbortController()
  const target = options.tls ? `https+insecure://127.0.0.1:${port}` : String(port)
  const command = ['--bg', '--yes', target]
  let begun = false

  const next = ({ missing }: Outcome): string => missing
    ? `install Tailscale, or name its program in OPENCLAW_TAILSCALE_BIN, then run: tailscale ${mode} --bg ${target}`
    : `see "tailscale status"; where it wants more rights: sudo tailscale set --operator=$USER; then run: tailscale ${mode} --bg ${target}`

  async function begin (): Promise<void> {
    if (mode === 'serve' && options.preserveFunnel) {
      const { stdout } = await run(['funnel', 'status', '--json'], startTimeoutMs, leaving.signal)
      if (hasFunnel(stdout)) return log.info('a tailscale funnel is there already and is left alone (gateway.tailscale.preserveFunnel)')
    }
    if (leaving.signal.aborted) return
    begun = true
    const outcome = await run([mode, ...command], startTimeoutMs, leaving.signal)
    if (leaving.signal.aborted) return
    if (outcome.problem === undefined) log.info(`tailscale ${mode} stands in front of port ${port}`)
    else log.warn(`tailscale ${mode} could not be started, the gateway goes on without it (${outcome.problem}): ${next(outcome)}`)
  }

  const beginning = begin()
  return {
    async close () {
      leaving.abort()
      await beginning
      if (!options.resetOnExit || !begun) return
      const { problem } = await run([mode, 'reset'], resetTimeoutMs)
      if (problem === undefined) log.info(`tailscale ${mode} was taken back`)
      else log.warn(`tailscale ${mode} could not be taken back (${problem}): run: tailscale ${mode} reset`)
    }
  }
}
