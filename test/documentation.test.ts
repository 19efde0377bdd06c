/** What the documents say is compared with the code: what a reader copies from them has to work. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseEnv } from 'node:util';
import type { Express } from 'express';
import { parse } from 'yaml';
import { nodePorts, writeNodeFiles } from '../dev/node-files';
import { CONFIG_VARIABLES, loadConfig, PER_TARGET_VARIABLES } from '../src/config';
import { BrokerUnavailableError, PublishRefusedError } from '../src/errors';
import { createApp } from '../src/http/app';
import { serveHttp } from '../src/http/server';
import { createLogger } from '../src/logger';
import { createMetrics } from '../src/metrics';
import { createScheduler } from '../src/scheduler';
import { readSchedules } from '../src/schedules/file';
import { CONSUMED, payloadSchemas, TARGET_NAMES } from '../src/targets';
import { loadTemplates } from '../src/templates';
import { createAuthority } from './broker/certificates';
import { EMPTY_LOT, OPEN } from './http/api';
import { createMemoryChanges } from './memory-ledger';
import { createMemorySchedules } from './memory-schedules';

const root = join(__dirname, '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const readme = read('README.md');
const packageJson = JSON.parse(read('package.json'));

/** The cells of the tables in a section of the README, the header's left out, by table. */
function tables(heading: string): string[][][] {
  const [, section] = readme.split(`\n## ${heading}\n`);
  if (section === undefined) throw new Error(`README.md has no section "${heading}"`);
  const [body = ''] = section.split('\n## ');
  return [...body.matchAll(/(?:^\|.*\|\n)+/gm)].map(([table]) =>
    table
      .trimEnd()
      .split('\n')
      .slice(2)
      .map((row) => row.split('|').slice(1, -1))
      .map((cells) => cells.map((cell) => cell.trim())),
  );
}

const code = (text: unknown) => `\`${text}\``;

/** A variable's default, as it comes out of the schema; undefined when it has none, whether it is required or not. */
const defaultOf = (name: keyof typeof CONFIG_VARIABLES) => CONFIG_VARIABLES[name].safeParse(undefined).data;

const configNames = Object.keys(CONFIG_VARIABLES) as (keyof typeof CONFIG_VARIABLES)[];

/** What dev/start.ts reads from the environment, with the default it falls back to. */
const launcherDefaults = Object.fromEntries(
  [...read('dev/start.ts').matchAll(/process\.env\.([A-Z_]+)(?: \|\| '([^']*)')?/g)]
    .map(([, name, fallback]) => [name, fallback])
    .filter(([name]) => name !== 'AMQP_URL'),
);

/** What docker-compose.yml itself takes from the environment, beside what it passes on, with its default. */
const composeDefaults = Object.fromEntries(
  [...read('docker-compose.yml').matchAll(/\$\{([A-Z_]+):-([^}]*)\}/g)]
    .map(([, name = '', fallback]) => [name, fallback] as const)
    .filter(([name]) => !(name in CONFIG_VARIABLES)),
);

describe('configuration', () => {
  /** What a cell says of a default: a value as it would stand in the environment, read like it, or a word. */
  const readCell = (name: keyof typeof CONFIG_VARIABLES, cell = '') => {
    const [, value] = /^`([^`]+)`$/.exec(cell) ?? [];
    return value === undefined ? cell : CONFIG_VARIABLES[name].safeParse(value).data;
  };

  test('the README lists every variable with its default and meaning, in order', () => {
    const documented = tables('Configuration')[0] ?? [];
    const expected = configNames.map((name) => {
      const required = !CONFIG_VARIABLES[name].safeParse(undefined).success;
      const value = defaultOf(name);
      const shown = required ? 'required' : value === undefined ? 'none' : value;
      return [code(name), shown, CONFIG_VARIABLES[name].description];
    });
    const found = documented.map(([variable = '', cell, meaning]) => {
      const name = variable.replaceAll('`', '') as keyof typeof CONFIG_VARIABLES;
      return [variable, name in CONFIG_VARIABLES ? readCell(name, cell) : cell, meaning];
    });
    expect(found).toEqual(expected);
  });

  test('the README says which variables can be set for one target alone, and how', () => {
    const [, names = '', example = ''] =
      /\n\n((?:`[A-Z_]+`(?:,| and)?\s)+)can\s+each be set for one target alone.+: `(\S+)`/.exec(readme) ?? [];
    expect([...names.matchAll(/[A-Z_]+/g)].map(([name]) => name)).toEqual(PER_TARGET_VARIABLES);
    expect(example).toBe('ORDERS_HANDLERS=5');
    const { targets, HANDLERS } = loadConfig({ AMQP_URL: 'amqp://localhost', ...parseEnv(example) });
    const handlers = Object.entries(targets).map(([target, settings]) => [target, settings.handlers]);
    expect(Object.fromEntries(handlers)).toEqual({
      ...Object.fromEntries(TARGET_NAMES.map((target) => [target, HANDLERS])),
      orders: 5,
    });
  });

  test("the README lists the launcher's variables with their defaults", () => {
    const documented = tables('Configuration')[1]?.map(([name, value]) => [name, value]);
    expect(documented?.sort()).toEqual(
      Object.entries(launcherDefaults)
        .map(([name, value]) => [code(name), value === undefined ? 'none' : code(value)])
        .sort(),
    );
  });

  test('.env.example has every variable, in order, and changes nothing as it is', () => {
    const names = [...read('.env.example').matchAll(/^#([A-Z_]+)=/gm)].map(([, name]) => name);
    expect(names.slice(0, configNames.length)).toEqual(configNames);
    expect(names.slice(configNames.length).sort()).toEqual(
      [...Object.keys(launcherDefaults), ...Object.keys(composeDefaults)].sort(),
    );
    expect(parseEnv(read('.env.example'))).toEqual({});
  });

  test('.env.example shows the defaults, and examples that are valid where there is none', () => {
    const shown = parseEnv(read('.env.example').replace(/^#(?=[A-Z_]+=)/gm, '')) as Record<string, string>;
    const { AMQP_URL = '' } = shown;
    // The files of the examples are not on this machine, and they go with amqps:// only.
    const { ca, client, remove } = createAuthority();
    const files = { AMQP_CA_FILE: ca, AMQP_CERT_FILE: client.cert, AMQP_KEY_FILE: client.key };
    expect(configNames.filter((name) => /^AMQP.*_FILE$/.test(name))).toEqual(Object.keys(files));
    const loaded = loadConfig({ ...shown, ...files, AMQP_URL: AMQP_URL.replace(/^amqp:/, 'amqps:') });
    remove();
    for (const name of configNames) {
      const value = defaultOf(name);
      if (value !== undefined) expect({ [name]: loaded[name] }).toEqual({ [name]: value });
      else expect({ [name]: shown[name] }).not.toEqual({ [name]: '' });
    }
    expect(AMQP_URL).not.toBe('');
    for (const [name, value] of Object.entries({ ...launcherDefaults, ...composeDefaults })) {
      if (value !== undefined) expect({ [name]: shown[name] }).toEqual({ [name]: value });
    }
  });
});

describe('routes', () => {
  const clock = Date.now;
  const scheduler = createScheduler({ publisher: { publish: async () => {} }, clock });
  const app: Express = createApp({
    ...createMemoryChanges({ scheduler, clock }).changes,
    schedules: createMemorySchedules({ scheduler, clock }),
    clock,
    templateNames: loadTemplates(join(root, 'templates')).names,
    parkingLot: { ...EMPTY_LOT, names: TARGET_NAMES },
    readiness: () => [],
    metrics: createMetrics(),
    logger: createLogger({ level: 'error', format: 'json' }),
    access: OPEN,
  });
  const [routeTable = []] = tables('The API');
  const documented = routeTable.map(([method = '', path = '']) => ({
    method: method.replaceAll('`', ''),
    path: path.replaceAll('`', ''),
  }));
  let address: string;
  let close: () => Promise<unknown>;

  beforeAll(async () => {
    const server = await serveHttp(app, { host: '127.0.0.1', port: 0 });
    address = `http://127.0.0.1:${server.port}`;
    close = () => server.drain(1_000);
  });
  afterAll(() => close());

  test('the README lists what is served, and nothing else', () => {
    const served = app.router.stack.flatMap(({ route }) =>
      route === undefined
        ? []
        : route.stack
            .filter(({ method }) => method)
            .map(({ method }) => `${method.toUpperCase()} ${route.path}`),
    );
    expect(documented.map(({ method, path }) => `${method} ${path.replace(/\{(\w+)\}/g, ':$1')}`)).toEqual([
      ...new Set(served),
    ]);
  });

  test('the README lists every kind of problem', () => {
    const folder = join(root, 'src/http');
    const files = readdirSync(folder).filter((file) => file.endsWith('.ts'));
    const sources = files.map((file) => readFileSync(join(folder, file), 'utf8'));
    const kinds = sources.flatMap((source) =>
      [...source.matchAll(/kind: '([a-z-]+)'/g)].map(([, kind]) => kind),
    );
    const named = [new BrokerUnavailableError(), new PublishRefusedError()].map(({ code }) =>
      code.replaceAll('_', '-'),
    );
    expect(kinds.length).toBeGreaterThan(5);
    const rows = tables('The API')
      .flat()
      .map(([status]) => /`…:(.+)`/.exec(status ?? '')?.[1]);
    expect(new Set(rows.filter(Boolean))).toEqual(new Set([...kinds, ...named]));
  });
  const postJson = (path: string, body: object) =>
    fetch(`${address}${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });

  /** What needs no body, beside what only asks, and what it is answered with. */
  const WITHOUT_BODY: Readonly<Record<string, number>> = {
    'POST /orders/{order_id}/paid': 200,
    'DELETE /meeting-reminder/{meeting_id}': 200,
    'DELETE /v1/messages/{id}': 200,
    'POST /v1/messages/{id}/run-now': 200,
    'DELETE /v1/schedules/{name}': 200,
    'POST /v1/schedules/{name}/run-now': 202,
    'POST /v1/parked/{target}/redrive': 200,
  };

  test('each documented route answers', async () => {
    expect(documented).not.toEqual([]);
    for (const [i, { method, path }] of documented.entries()) {
      const name = `documented-${i}`;
      await postJson('/submit-order', { order_id: name });
      await postJson('/v1/messages', { id: name, to: 'orders', payload: { order_id: name }, delay: '1h' });
      const meeting = { email: 'ada@example.com', starts_at: new Date(clock() + 86_400_000).toISOString() };
      await postJson('/meeting-reminder', { meeting_id: name, ...meeting });
      await fetch(`${address}/v1/schedules/${name}`, {
        method: 'PUT',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ every: '1h', to: 'orders', payload: { order_id: name } }),
      });
      const filledIn = path.replace('{target}', 'orders').replace(/\{(id|order_id|meeting_id|name)\}/, name);
      const { status } = await fetch(`${address}${filledIn}`, { method });
      const expected = method === 'GET' ? 200 : (WITHOUT_BODY[`${method} ${path}`] ?? 422);
      expect({ method, path, status }).toEqual({ method, path, status: expected });
    }
  });

  test("the README's curl lines are accepted, one after the other", async () => {
    const requests = [
      ...readme.matchAll(
        /^curl (?:-i )?(?:-X (\w+) )?'?localhost:8000(\/[^\s']+)'?(?: -H '([^:]+): ([^']+)'[^']+-d '([^']+)')?$/gm,
      ),
    ];
    expect(requests).toHaveLength([...readme.matchAll(/^curl .*localhost:8000/gm)].length);
    for (const [line, method, path, header = '', value = '', body] of requests) {
      const sent = body === undefined ? {} : { method: 'POST', headers: { [header]: value }, body };
      const { status } = await fetch(`${address}${path}`, { ...sent, ...(method && { method }) });
      const accepts = body !== undefined && method === undefined;
      expect({ line, status }).toEqual({ line, status: method === 'PUT' ? 201 : accepts ? 202 : 200 });
    }
  });
});

describe('containers', () => {
  interface Service {
    image: string;
    build?: string;
    command?: string[];
    ports?: string[];
    environment?: Record<string, string>;
    depends_on?: Record<string, { condition: string }>;
    container_name?: string;
    stop_grace_period?: string;
  }
  const services: Record<string, Service> = parse(read('docker-compose.yml'), { merge: true }).services;
  const service = (name: string): Service => {
    const found = services[name];
    if (!found) throw new Error(`docker-compose.yml has no service ${name}`);
    return found;
  };
  const running = ['api', ...CONSUMED.map((target) => `consumers-${target}`)];

  test('their commands are the topology and the roles, one consumer service for each target', () => {
    const commands = Object.entries(services).flatMap(([name, { command }]) =>
      command ? [[name, command]] : [],
    );
    expect(Object.fromEntries(commands)).toEqual({
      topology: packageJson.scripts.topology.split(' '),
      api: ['node', 'dist/main.js', 'api'],
      ...Object.fromEntries(
        CONSUMED.map((target) => [`consumers-${target}`, ['node', 'dist/main.js', 'consumers', target]]),
      ),
    });
  });

  test.each(running)('%s waits for the topology and gets the time to drain', (name) => {
    const { depends_on, stop_grace_period } = service(name);
    expect(depends_on).toEqual({ topology: { condition: 'service_completed_successfully' } });
    const graceMs = Number(/^(\d+)s$/.exec(stop_grace_period ?? '')?.[1]) * 1000;
    expect(graceMs).toBeGreaterThan(loadConfig({ AMQP_URL: 'amqp://localhost' }).DRAIN_TIMEOUT_MS + 2_000);
  });

  test.each(['topology', ...running])('%s has a valid configuration', (name) => {
    const { environment = {}, image, build } = service(name);
    const filledIn = Object.entries(environment).map(([variable, value]) => [
      variable,
      value.replace(/\$\{[A-Z_]+:-([^}]*)\}/g, '$1'),
    ]);
    expect(() => loadConfig(Object.fromEntries(filledIn))).not.toThrow();
    expect(Object.keys(environment).filter((variable) => !(variable in CONFIG_VARIABLES))).toEqual([]);
    expect({ image, build }).toEqual({ image: 'delay-broker', build: '.' });
  });

  test('consumers can be multiplied', () => {
    for (const target of TARGET_NAMES) {
      expect(service(`consumers-${target}`)).not.toHaveProperty('container_name');
      expect(service(`consumers-${target}`)).not.toHaveProperty('ports');
    }
  });

  test('nothing is published beyond this machine', () => {
    const published = Object.values(services).flatMap(({ ports = [] }) => ports);
    expect(published).not.toEqual([]);
    expect(published.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  });

  test("RabbitMQ's dead-letter worker is set as in the private node, and as the README says", () => {
    const settings = (text = '') =>
      [...text.matchAll(/-rabbit (\S+) (\d+)/g)].map(([, key, value]) => [key, value]);
    const dataDir = mkdtempSync(join(tmpdir(), 'delay-broker-documentation-'));
    const { env } = writeNodeFiles(dataDir, nodePorts(5673), join(root, 'rabbitmq.conf'), '');
    rmSync(dataDir, { recursive: true });
    const expected = settings(env.RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS);
    expect(expected.map(([key]) => key)).toEqual([
      'dead_letter_worker_consumer_prefetch',
      'dead_letter_worker_publisher_confirm_timeout',
    ]);
    expect(settings(service('rabbitmq').environment?.RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS)).toEqual(expected);
    expect(settings(readme)).toEqual(expected);
  });

  test('the image has what the program needs at run time', () => {
    const dockerfile = read('Dockerfile');
    expect(dockerfile).toMatch(/^CMD \["node", "dist\/main\.js", "all"\]$/m);
    expect(dockerfile).toMatch(/^USER node$/m);
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, from = '']) =>
      from.split(' '),
    );
    const sent = [...read('.dockerignore').matchAll(/^!(.+)$/gm)].map(([, name]) => name);
    expect([...new Set(copied)].sort()).toEqual(sent.sort());
    expect(copied).toContain(defaultOf('TEMPLATES_DIR'));
    expect(sent.filter((name) => !existsSync(join(root, name ?? '')))).toEqual([]);
  });
});

describe('what the documents point at exists', () => {
  test.each([
    'README.md',
    'docs/guarantees.md',
    'docs/monitoring.md',
    'docs/security.md',
    'docs/broker-access.md',
    'docs/performance.md',
    'CHANGELOG.md',
  ])('the links of %s', (path) => {
    const links = [...read(path).matchAll(/\]\((?!https?:)([^)]+)\)/g)].map(([, link = '']) => link);
    const broken = links.filter((link) => {
      const [file, anchor] = link.split('#');
      const target = file ? join(dirname(path), file) : path;
      return !existsSync(join(root, target)) || (anchor && !anchors(read(target)).includes(anchor));
    });
    expect(broken).toEqual([]);
  });

  test('the npm scripts and the files to run', () => {
    const scripts = [...readme.matchAll(/npm (?:run )?(start|test|(?<=run )[\w-]+(?::[\w-]+)*)/g)].map(
      ([, name = '']) => name,
    );
    expect(new Set(scripts).size).toBeGreaterThan(3);
    expect(scripts.filter((name) => !(name in packageJson.scripts))).toEqual([]);

    const built = [...readme.matchAll(/node dist\/(\S+)\.js/g)].map(([, name]) => `src/${name}.ts`);
    expect(built).toContain('src/main.ts');
    expect(['.ci/run', ...built].filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });

  test('the tree of folders and files', () => {
    const [, tree = ''] = /```\n(src\/\n[\s\S]+?)```/.exec(readme) ?? [];
    const paths = tree
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/^ {2}/, 'src/').split(' ')[0] ?? '');
    expect(paths.length).toBeGreaterThan(10);
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  test('the file of schedules', () => {
    const [, file = ''] = /```json\n([\s\S]+?)```/.exec(readme) ?? [];
    const folder = mkdtempSync(join(tmpdir(), 'schedules-'));
    try {
      writeFileSync(join(folder, 'schedules.json'), file);
      const read = readSchedules(join(folder, 'schedules.json'), payloadSchemas(['welcome']));
      expect(read['orders-sweep']).toMatchObject({ cron: '0 8,12,18 * * *', run_at_startup: true });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('the tests that the README names', () => {
    const [, path, name = ''] = /npx jest (\S+) -t '([^']+)'/.exec(readme) ?? [];
    expect(read(`${path}.test.ts`)).toContain(name);
  });
});

/** The anchors of a document's headings, as GitHub makes them. */
function anchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
}
