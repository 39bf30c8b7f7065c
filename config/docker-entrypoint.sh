#!/bin/sh
# Starts the gateway in a container, where loopback could not be reached through `-p`: it listens beyond it, and so it needs a
# secret. OPENCLAW_GATEWAY_TOKEN or OPENCLAW_GATEWAY_PASSWORD wins, then what the configuration says, then a token made here.
# AGENTBOT_PLAN (solo, collective, label, network) writes a first configuration with the tools of that plan where there is none.
#   (nothing), or options    gateway run --bind lan, with the options
#   anything else            the command line: docker run … openclaw-gateway devices list
set -eu
umask 077
# What the container was started with is more than what lies in its volume.
export OPENCLAW_ENV_SECRETS_FIRST=1

app=$(cd "$(dirname "$0")/.." && pwd)
state=${OPENCLAW_STATE_DIR:-${OPENCLAW_HOME:-$HOME}/.openclaw}
config=${OPENCLAW_CONFIG_PATH:-$state/openclaw.json}
# The command line reads the token of its gateway from this file as well.
token_file=$state/gateway.token

openclaw () { node "$app/bin/openclaw.js" "$@"; }

fail () {
  echo "openclaw: $1" >&2
  exit 78
}

writable_state () {
  mkdir -p "$state" 2>/dev/null || true
  [ -d "$state" ] && [ -w "$state" ] ||
    fail "$state cannot be written by user $(id -u). Give it to that user (chown $(id -u) on the volume), or set OPENCLAW_GATEWAY_TOKEN and OPENCLAW_STATE_DIR."
}

# Never touches a configuration that is there.
provide_configuration () {
  if [ -z "${AGENTBOT_PLAN:-}" ] || [ -e "$config" ]; then return; fi
  case $AGENTBOT_PLAN in
    solo) profile=messaging ;;
    collective | label | network) profile=coding ;;
    *) fail "AGENTBOT_PLAN is $AGENTBOT_PLAN. Set it to solo, collective, label or network, or leave it out." ;;
  esac
  writable_state
  printf '{ "gateway": { "mode": "local" }, "tools": { "profile": "%s", "deny": ["browser", "canvas"] } }\n' "$profile" > "$config.$$"
  mv "$config.$$" "$config"
}

settled='"(token|password)" *:|"mode" *: *"(none|password|trusted-proxy)"'
configured () {
  [ -f "$config" ] && openclaw config get gateway.auth --json 2>/dev/null | grep -Eq "$settled"
}

provide_token () {
  if [ -n "${OPENCLAW_GATEWAY_TOKEN:-}${OPENCLAW_GATEWAY_PASSWORD:-}" ] || configured; then return; fi
  writable_state
  if [ ! -s "$token_file" ]; then
    token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    printf '%s\n' "$token" > "$token_file.$$"
    sync "$token_file.$$"
    mv "$token_file.$$" "$token_file"
    echo "openclaw: no OPENCLAW_GATEWAY_TOKEN was given. This one was made for you, is kept in $token_file, and is not shown again:" >&2
    echo "openclaw:   $token" >&2
  fi
  OPENCLAW_GATEWAY_TOKEN=$(cat "$token_file")
  # A token that is set in the configuration later replaces the one that was made here.
  unset OPENCLAW_ENV_SECRETS_FIRST
  export OPENCLAW_GATEWAY_TOKEN
}

case ${1-} in
  '' | -*) set -- gateway run --bind lan --allow-unconfigured "$@" ;;
esac
if [ "$1" = gateway ]; then
  case ${2-} in
    '' | -* | run) provide_configuration; provide_token ;;
  esac
fi
exec node "$app/bin/openclaw.js" "$@"
