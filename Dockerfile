# Builds the package that `npm pack` makes, and runs exactly that. Nobody needs rights over it: it runs as user 1000.
#   docker build -t openclaw-gateway .
#   docker run -d --name openclaw -p 18789:18789 -v openclaw:/home/node/.openclaw openclaw-gateway
#   docker logs openclaw      # shows the token, once

FROM node:24-bookworm-slim AS install
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund

FROM install AS build
COPY . .
RUN npm pack --pack-destination /tmp && mkdir /package && tar -xzf /tmp/openclaw-gateway-*.tgz -C /package --strip-components=1

FROM node:24-bookworm-slim AS runtime
# tini collects the orphans that tools leave behind; node as process 1 would keep them as zombies.
RUN apt-get update && apt-get install -y --no-install-recommends tini && rm -rf /var/lib/apt/lists/*
COPY --from=build /package /app
RUN ln -s /app/bin/openclaw.js /usr/local/bin/openclaw \
  && install -d -o 1000 -g 1000 -m 0700 /home/node/.openclaw /home/node/.cache
ENV NODE_ENV=production HOME=/home/node OPENCLAW_GATEWAY_PORT=18789 OPENCLAW_ENV_SECRETS_FIRST=1
USER 1000:1000
WORKDIR /home/node
VOLUME /home/node/.openclaw
EXPOSE 18789
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
  CMD ["node", "-e", "process.env.NODE_TLS_REJECT_UNAUTHORIZED = 0; const ask = scheme => fetch(scheme + '://127.0.0.1:' + process.env.OPENCLAW_GATEWAY_PORT + '/healthz'); ask('http').catch(() => ask('https')).then(answer => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["tini", "--", "/app/config/docker-entrypoint.sh"]
