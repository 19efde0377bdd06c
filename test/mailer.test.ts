import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { SMTPServer } from 'smtp-server';
import { createMailer, type Mailer } from '../src/mailer';

const from = 'Shop <shop@example.com>';
const mail = {
  id: '01ARYZ6S41TSV4RRFFQ69G5FAV',
  to: 'ann@example.com',
  subject: 'Grüße',
  text: 'Hello, Ann.',
  html: '<p>Hello, Ann.</p>',
};

/** What every mail of this project has in common, however it goes out. */
const expectMail = (raw: string) => {
  expect(raw).toMatch(/^From: Shop <shop@example\.com>\r?$/m);
  expect(raw).toMatch(/^To: ann@example\.com\r?$/m);
  expect(raw).toMatch(/^Subject: =\?UTF-8\?Q\?Gr=C3=BC=C3=9Fe\?=\r?$/m);
  expect(raw).toMatch(/^Message-ID: <01ARYZ6S41TSV4RRFFQ69G5FAV@delay-broker>\r?$/m);
  expect(raw).toMatch(/^Content-Type: text\/plain/m);
  expect(raw).toMatch(/^Content-Type: text\/html/m);
  expect(raw).toContain('Hello, Ann.');
  expect(raw).toContain('<p>Hello, Ann.</p>');
};

describe('with a mail server', () => {
  let received: { from: { address: string } | undefined; to: string[]; raw: string }[];
  let server: SMTPServer;
  let sockets: Set<Socket>;
  let silence: Promise<void>;
  let fallSilent: () => void;
  let mailer: Mailer;
  beforeEach(async () => {
    received = [];
    silence = new Promise((resolve) => {
      fallSilent = resolve;
    });
    server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      onRcptTo({ address }, _session, answer) {
        if (address === 'dropped@example.com') {
          for (const socket of sockets) socket.destroy();
          return;
        }
        if (address === 'silent@example.com') return fallSilent();
        const responseCode = { 'gone@example.com': 550, 'full@example.com': 452 }[address];
        answer(responseCode ? Object.assign(new Error('not taken'), { responseCode }) : null);
      },
      async onData(stream, { envelope }, answer) {
        const to = envelope.rcptTo.map(({ address }) => address);
        received.push({ from: envelope.mailFrom || undefined, to, raw: await text(stream) });
        answer(null, 'taken');
      },
    });
    sockets = new Set();
    server.on('error', () => {}); // to it, a connection that breaks is one
    const listening = server.listen(0, '127.0.0.1').on('connection', (socket: Socket) => sockets.add(socket));
    await once(listening, 'listening');
    const { port } = listening.address() as AddressInfo;
    mailer = createMailer({ smtpUrl: `smtp://127.0.0.1:${port}`, from, outboxDir: '/nowhere' });
  });
  afterEach(async () => {
    mailer.close();
    await new Promise<void>((resolve) => server.close(resolve));
  });

  test('a mail arrives with its parts, and the answer says so', async () => {
    await expect(mailer.send(mail)).resolves.toBe('250 taken');
    expect(received).toMatchObject([{ from: { address: 'shop@example.com' }, to: ['ann@example.com'] }]);
    expectMail(received[0]?.raw ?? '');
  });

  test('a mail to several addresses is sent once, and is sent if the server takes it for one of them', async () => {
    const to = ['ann@example.com', 'gone@example.com', 'bob@example.com'];
    await expect(mailer.send({ ...mail, to })).resolves.toBe('250 taken, but not for gone@example.com');
    expect(received).toMatchObject([{ to: ['ann@example.com', 'bob@example.com'] }]);
    expect(received[0]?.raw).toMatch(/^To: ann@example\.com, gone@example\.com,\s+bob@example\.com\r?$/m);
    await expect(mailer.send({ ...mail, to: ['gone@example.com'] })).rejects.toThrow();
  });

  test.each([
    ['gone@example.com', 550],
    ['full@example.com', 452],
  ])('the refusal of %s is thrown with its code', async (to, responseCode) => {
    await expect(mailer.send({ ...mail, to })).rejects.toMatchObject({ responseCode });
    expect(received).toEqual([]);
  });

  test('a refusal does not hold up the next mail', async () => {
    await Promise.allSettled([mailer.send({ ...mail, to: 'gone@example.com' })]);
    await expect(mailer.send(mail)).resolves.toBe('250 taken');
  });

  test('a connection that breaks amid a mail is thrown without a code, and the next mail takes another one', async () => {
    const dropped = await mailer.send({ ...mail, to: 'dropped@example.com' }).catch((error) => error);
    expect(dropped).toBeInstanceOf(Error);
    expect(dropped).not.toHaveProperty('responseCode');
    await expect(mailer.send(mail)).resolves.toBe('250 taken');
  });

  test('a mail that is taken back while the server is silent does not go out later', async () => {
    const taking = new AbortController();
    const sending = mailer.send({ ...mail, to: 'silent@example.com' }, taking.signal);
    await silence;
    taking.abort();
    await expect(sending).rejects.toThrow();
    await expect(mailer.send(mail)).resolves.toBe('250 taken');
    expect(received).toHaveLength(1);
  });

  test('an address is one address, whatever it looks like', async () => {
    await Promise.allSettled([mailer.send({ ...mail, to: 'ann@example.com, bob@example.com' })]);
    expect(received.flatMap(({ to }) => to)).not.toContain('bob@example.com');
  });

  test('a server that is not there is thrown without a code', async () => {
    const nobody = createMailer({ smtpUrl: 'smtp://127.0.0.1:1', from, outboxDir: '/nowhere' });
    await expect(nobody.send(mail)).rejects.toThrow('ECONNREFUSED');
    nobody.close();
  });
});

describe('without a mail server', () => {
  let dir: string;
  let outboxDir: string;
  let mailer: Mailer;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'mailer-'));
    outboxDir = join(dir, 'outbox');
    mailer = createMailer({ smtpUrl: undefined, from, outboxDir });
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  test('a mail becomes a file named after its id, in a folder made for it', async () => {
    const path = await mailer.send(mail);
    expect(path).toBe(join(outboxDir, `${mail.id}.eml`));
    expectMail(readFileSync(path, 'utf8'));
    expect(readdirSync(outboxDir)).toEqual([`${mail.id}.eml`]);
  });

  test('the same mail again replaces its file', async () => {
    await mailer.send(mail);
    await mailer.send({ ...mail, text: 'Again.' });
    expect(readdirSync(outboxDir)).toEqual([`${mail.id}.eml`]);
    expect(readFileSync(join(outboxDir, `${mail.id}.eml`), 'utf8')).toContain('Again.');
  });

  test('copies of a mail written at the same time do not disturb each other', async () => {
    await Promise.all(Array.from({ length: 20 }, () => mailer.send(mail)));
    expect(readdirSync(outboxDir)).toEqual([`${mail.id}.eml`]);
  });

  test.each([
    '../x',
    '..',
    '/etc/x',
    'a/b',
    'a\\b',
    'a b\r\nBcc: bob@example.com',
    '☃',
    '\0',
    '☃'.repeat(128),
  ])('the id %j stays inside the folder', async (id) => {
    const path = await mailer.send({ ...mail, id });
    expect(dirname(path)).toBe(outboxDir);
    expect(readdirSync(dir)).toEqual(['outbox']);
    expect(readFileSync(path, 'utf8')).not.toMatch(/^Bcc:/im);
  });

  test('overlong ids are shortened, and still told apart', async () => {
    const ids = ['a', 'b'].map((last) => `${'☃'.repeat(127)}${last}`);
    const paths = await Promise.all(ids.map((id) => mailer.send({ ...mail, id })));
    expect(new Set(paths).size).toBe(2);
    for (const path of paths) {
      expect(basename(path).length).toBeLessThan(255);
      expect(readFileSync(path, 'utf8')).toContain(`<${basename(path, '.eml')}@delay-broker>`);
    }
  });
});
