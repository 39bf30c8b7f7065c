import type { FastifyRequest } from 'fastify'

/** Some clients name the type of a body that they do not send. Called before the body is looked for. */
export function forgetEmptyBody ({ headers }: Pick<FastifyRequest, 'headers'>): void {
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
  if (!hasBody && headers['content-type'] !== undefined) delete headers['content-type']
}
