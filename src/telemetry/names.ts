/** Every metric there is, with what it means. A name without a row here is not shown. */

export type MetricType = 'counter' | 'gauge' | 'histogram'

export interface MetricRow {
  readonly type: MetricType
  readonly help: string
}

const counter = (help: string): MetricRow => ({ type: 'counter', help })
const gauge = (help: string): MetricRow => ({ type: 'gauge', help })
const histogram = (help: string): MetricRow => ({ type: 'histogram', help })

export const metricTable: { readonly [name: string]: MetricRow } = {
  openclaw_gateway_build_info: gauge('The version that runs; always 1.'),
  openclaw_gateway_uptime_seconds: gauge('Since the gateway was begun.'),
  openclaw_gateway_starts_total: counter('Starts on this state directory by what came before: first, stop, restart or crash. Lasts beyond the process.'),
  openclaw_gateway_crash_loop_trips_total: counter('Starts after too many that ended without a word. Lasts beyond the process.'),
  openclaw_gateway_autostart_suppressed: gauge('1 while channels, jobs, heartbeats and services of plugins do not begin by themselves, because of that.'),
  openclaw_gateway_ready: gauge('1 when the gateway takes work.'),

  openclaw_gateway_rpc_requests_total: counter('Requests over WebSocket and admin RPC by method and how they went: ok, or the code of the refusal.'),
  openclaw_gateway_rpc_handler_seconds: histogram('From reading a request to its answer.'),
  openclaw_gateway_http_requests_total: counter('HTTP requests by method, route and class of status.'),
  openclaw_gateway_http_request_seconds: histogram('From the headers of an HTTP request to the end of its answer.'),
  openclaw_gateway_connections: gauge('Sockets that are in, by role.'),
  openclaw_gateway_connections_introducing: gauge('Sockets that have not introduced themselves yet.'),
  openclaw_gateway_connects_total: counter('Sockets that were let in, by role and by what they proved themselves with.'),
  openclaw_gateway_auth_refusals_total: counter('Connects and HTTP requests that were refused for their credentials, by code.'),
  openclaw_gateway_limiter_subjects: gauge('Places that have failed lately, by state: counted or locked.'),

  openclaw_gateway_event_loop_delay_max_seconds: histogram('The longest delay of the event loop in each stretch of five seconds, from the first reading on.'),
  openclaw_gateway_event_loop_observed_seconds_total: counter('For how long the event loop has been watched.'),
  openclaw_gateway_event_loop_delay_p99_seconds: gauge('Delay of the event loop that one in a hundred timers saw, in the last stretch.'),
  openclaw_gateway_event_loop_busy_seconds_total: counter('For how long the event loop did not wait for anything.'),

  openclaw_run_completed_total: counter('Runs that have ended, by outcome and by what began them.'),
  openclaw_run_duration_seconds: histogram('From the turn of a run to its end.'),
  openclaw_runs: gauge('Runs by state: active, queued, parked.'),
  openclaw_queue_lane_size: gauge('Runs in each lane that wait for a place.'),
  openclaw_queue_lane_active: gauge('Runs in each lane that go on.'),
  openclaw_session_queue_depth: gauge('Sessions in which messages wait.'),
  openclaw_model_call_total: counter('Steps of models by outcome and kind of failure.'),
  openclaw_model_call_duration_seconds: histogram('From asking a model to its last word.'),
  openclaw_model_failover_total: counter('Steps that another model took over, by reason.'),
  openclaw_model_tokens_total: counter('Tokens as providers counted them.'),
  openclaw_model_cost_usd_total: counter('What steps have cost by the prices of the catalog.'),
  openclaw_tool_execution_total: counter('Calls of tools by outcome; surface says who called: a run, or a program over http, rpc or mcp.'),
  openclaw_tool_execution_duration_seconds: histogram('From the call of a tool to its result.'),

  openclaw_channel_accounts: gauge('Accounts of channels by state.'),
  openclaw_channel_restarts_total: counter('Accounts that were begun anew by themselves, by reason.'),
  openclaw_channel_outbound_messages: gauge('Messages on their way out by channel and state: queued, parked (a person has to look), dead (refused for good).'),
  openclaw_config_reloads_total: counter('Changes of the configuration that took effect, or were refused.'),
  openclaw_config_pending_changes: gauge('Changes of the configuration that wait for a restart.'),

  openclaw_store_writable: gauge('1 when the store takes writes.'),
  openclaw_store_queued_changes: gauge('Changes that are not committed yet.'),
  openclaw_store_bytes: gauge('Bytes of the database, of its write-ahead log and of the last-good copy.'),
  openclaw_audit_entries_total: counter('Entries of the audit log that this process has written.'),
  openclaw_audit_waiting: gauge('Acts that are not written yet.'),
  openclaw_audit_dropped_total: counter('Acts that found no room.'),
  openclaw_log_bytes_total: counter('Bytes written to the log file.'),
  openclaw_log_dropped_total: counter('Log records that found no room.'),

  openclaw_memory_bytes: gauge('Memory by kind: rss, heap_used, heap_total, external, array_buffers.'),
  openclaw_gc_duration_seconds: histogram('Pauses for garbage collection by kind, from the first reading on.'),
  openclaw_telemetry_exporter_total: counter('Batches for OpenTelemetry by signal and outcome.'),
  openclaw_prometheus_series_dropped_total: counter('Additions to combinations of labels that found no room.'),

  process_cpu_seconds_total: counter('CPU time of the process.'),
  process_start_time_seconds: gauge('When the process was begun, in seconds since 1970.'),
  process_open_fds: gauge('Open file descriptors.'),
  process_max_fds: gauge('As many file descriptors may be open.')
}
