/** What the gateway counts. Names are the contract's where it has them; what each means stands in `names.ts`. */
import { createMeters, durations, longDurations, type Counter, type Histogram, type Meters } from './meters.ts'

export interface GatewayMeters {
  readonly all: Meters
  readonly rpcRequests: Counter
  readonly rpcSeconds: Histogram
  readonly httpRequests: Counter
  readonly httpSeconds: Histogram
  readonly connects: Counter
  readonly refusals: Counter
  readonly runs: Counter
  readonly runSeconds: Histogram
  readonly modelCalls: Counter
  readonly modelSeconds: Histogram
  readonly modelFailovers: Counter
  readonly tokens: Counter
  readonly cost: Counter
  readonly tools: Counter
  readonly toolSeconds: Histogram
  readonly configReloads: Counter
  readonly exports: Counter
}

export function createGatewayMeters (): GatewayMeters {
  const all = createMeters()
  const model = ['model', 'provider'] as const
  return {
    all,
    rpcRequests: all.counter('openclaw_gateway_rpc_requests_total', 'method', 'outcome'),
    rpcSeconds: all.histogram('openclaw_gateway_rpc_handler_seconds', durations, 'method'),
    httpRequests: all.counter('openclaw_gateway_http_requests_total', 'method', 'route', 'status'),
    httpSeconds: all.histogram('openclaw_gateway_http_request_seconds', durations, 'route'),
    connects: all.counter('openclaw_gateway_connects_total', 'role', 'auth'),
    refusals: all.counter('openclaw_gateway_auth_refusals_total', 'door', 'code'),
    runs: all.counter('openclaw_run_completed_total', ...model, 'outcome', 'trigger'),
    runSeconds: all.histogram('openclaw_run_duration_seconds', longDurations, ...model, 'outcome'),
    modelCalls: all.counter('openclaw_model_call_total', 'api', ...model, 'outcome', 'error_category'),
    modelSeconds: all.histogram('openclaw_model_call_duration_seconds', longDurations, ...model, 'outcome'),
    modelFailovers: all.counter('openclaw_model_failover_total', 'from_provider', 'to_provider', 'reason'),
    tokens: all.counter('openclaw_model_tokens_total', ...model, 'token_type'),
    cost: all.counter('openclaw_model_cost_usd_total', ...model),
    tools: all.counter('openclaw_tool_execution_total', 'tool', 'surface', 'outcome'),
    toolSeconds: all.histogram('openclaw_tool_execution_duration_seconds', longDurations, 'tool'),
    configReloads: all.counter('openclaw_config_reloads_total', 'outcome'),
    exports: all.counter('openclaw_telemetry_exporter_total', 'signal', 'outcome')
  }
}
