import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodePorts } from '../../dev/node-files';
import { requireFreePorts } from '../../dev/node-state';
import { startPrivateBroker } from '../../dev/private-broker';
import { freePort } from '../broker/node';

const folder = mkdtempSync('/tmp/delay-broker-test-');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const elsewhere = async () => ({ dataDir: mkdtempSync(join(folder, 'node-')), port: await freePort() });

const start = (options: { dataDir: string; port: number; executable?: string; additionalConfig?: string }) =>
  startPrivateBroker({
    executable: process.env.RABBITMQ_SERVER,
    configFile: join(__dirname, '../../rabbitmq.conf'),
    ...options,
  });

test('a missing executable is named, with the setting that is wrong', async () => {
  const options = { ...(await elsewhere()), executable: '/no/such/rabbitmq-server' };
  await expect(start(options)).rejects.toThrow(
    /cannot be run: \/no\/such\/rabbitmq-server \(ENOENT\); RABBITMQ_SERVER names the executable/,
  );
});

test('a failed start tells the cause from the log first, and leaves nothing running', async () => {
  const options = { ...(await elsewhere()), additionalConfig: 'nonsense = 1' };
  writeFileSync(join(options.dataDir, 'version'), '3.9.0\n');
  const message = await start(options).then(
    () => 'started',
    (error: Error) => error.message,
  );
  const lines = message.split('\n');
  expect(lines[0]).toMatch(`the data folder ${options.dataDir} was written by RabbitMQ 3.9.0, and this is`);
  expect(lines[0]).toMatch(/step by step .* choose another BROKER_DATA_DIR, or delete the folder/);
  expect(lines[1]).toMatch(/^the broker on port \d+ ended with code 1; its log is .*output\.log$/);
  expect(lines[2]).toBe("  You've tried to set nonsense, but there is no setting with that name.");
  await requireFreePorts(nodePorts(options.port));
});

test('the data of a newer version is not touched', async () => {
  const options = await elsewhere();
  writeFileSync(join(options.dataDir, 'version'), '99.0.1\n');
  await expect(start(options)).rejects.toThrow(
    `the data folder ${options.dataDir} was written by RabbitMQ 99.0.1, and this is `,
  );
  await expect(start(options)).rejects.toThrow(/older and cannot read it: .*BROKER_DATA_DIR/);
  await requireFreePorts(nodePorts(options.port));
});
