# One image for every role: `node dist/main.js api`, `node dist/main.js consumers orders`,
# `node dist/topology.js`. Without a command it runs all roles in one process.

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json ./
COPY src ./src
RUN npx tsc

FROM node:24-slim
ENV NODE_ENV=production
# A container is reached through its network interface; 127.0.0.1 would be reachable from inside only. The API
# then needs API_KEYS, or ALLOW_ANONYMOUS=true.
ENV HTTP_HOST=0.0.0.0
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund && npm cache clean --force
COPY --from=build /app/dist ./dist
COPY templates ./templates
# The only folder the program writes to, and only where no SMTP_URL is set.
RUN mkdir outbox && chown node:node outbox
USER node
EXPOSE 8000
# Exec form, and the base image's entry point replaces itself by the command: SIGTERM reaches Node.
CMD ["node", "dist/main.js", "all"]
