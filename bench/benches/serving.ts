import type { Lab } from '../lab';

/** Something that takes requests. */
export interface Served {
  readonly url: string;
  end(): Promise<void>;
}

/** What the environment of a process of the product has here: its defaults, and nothing logged of each message, as the peers log nothing. */
export const quietEnvironment = (amqpUrl: string): NodeJS.ProcessEnv => ({
  AMQP_URL: amqpUrl,
  HTTP_PORT: '0',
  LOG_SAMPLE: '0',
});

/** Starts an API process as its users do, in a virtual host of its own; `env` goes before the defaults. */
export async function startApi(lab: Lab, env: NodeJS.ProcessEnv): Promise<Served> {
  const { amqpUrl, remove } = await lab.world();
  const api = lab.startProduct(['dist/main.js', 'api'], { ...quietEnvironment(amqpUrl), ...env });
  const url = await listeningAt(api);
  return {
    url,
    async end() {
      await api.end();
      await remove();
    },
  };
}

/** Where a process of the product listens, once it does and is ready. */
export async function listeningAt(api: { line(pattern: RegExp): Promise<RegExpExecArray> }): Promise<string> {
  const [, url = ''] = await api.line(/"url":"([^"]+)"/);
  while (!(await fetch(`${url}/readyz`)).ok);
  return url;
}
