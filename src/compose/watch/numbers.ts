/** The page of numbers, put together when it is read. */
import type { FastifyInstance } from 'fastify'
import { registerMetrics } from '../../routes/metrics.ts'
import type { Connections } from '../../rpc/connections.ts'
import type { RuntimeWatch } from '../../telemetry/runtime.ts'
import type { Reading } from '../../telemetry/exposition.ts'
import type { Parts } from '../parts.ts'

export interface Numbers {
  read (accept: string | undefined): Promise<{ contentType: string, text: string }>
  /** For whoever sends them elsewhere. */
  readings (): Promise<Reading[]>
  close (): void
}

function createNumbers (parts: Parts, connections: Connections): Numbers {
  let runtime: RuntimeWatch | undefined
  let isClosed = false

  async function readings (): Promise<Reading[]> {
    const [{ readGateway }, { watchRuntime }] = await Promise.all([import('./readings.ts'), import('../../telemetry/runtime.ts')])
    if (isClosed) return []
    runtime ??= watchRuntime(parts.watch.meters.all)
    return [...await readGateway(parts, connections), ...await runtime.read()]
  }

  return {
    readings,
    async read (accept) {
      const [{ exposition, formatFor, contentTypes }, read] = await Promise.all([import('../../telemetry/exposition.ts'), readings()])
      const format = formatFor(accept)
      return { contentType: contentTypes[format], text: exposition(parts.watch.meters.all.families(), read, format) }
    },
    close () {
      isClosed = true
      runtime?.stop()
    }
  }
}

export function composeNumbers (fastify: FastifyInstance, parts: Parts, connections: Connections): Numbers {
  const numbers = createNumbers(parts, connections)
  registerMetrics(fastify, { auth: parts.door.httpAuth, config: parts.live.current, read: numbers.read })
  parts.watch.otel.begin(numbers.readings)
  fastify.addHook('onClose', async () => numbers.close())
  return numbers
}
