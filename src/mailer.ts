/** Sends mails by SMTP or, where there is no mail server, writes them into a folder. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { createTransport } from 'nodemailer';

/** One mail. */
export interface Mail {
  /** Names the mail; the same again is recognisable by its Message-ID. */
  readonly id: string;
  /** One address, or several who see each other's. */
  readonly to: string | readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** Sends mails. */
export interface Mailer {
  /**
   * Sends one and says where it went: the server's answer, or the file's path. It is sent if the server takes it for one
   * of the addresses, and then says for which it does not.
   *
   * @param signal takes it back when it aborts, as far as the server has not accepted it
   * @throws nodemailer's error, or the file system's
   */
  send(mail: Mail, signal?: AbortSignal): Promise<string>;
  /** Closes the connections to the mail server. */
  close(): void;
}

/** Options of createMailer. */
export interface MailerOptions {
  /** `smtp://` or `smtps://` URL; without it mails become files. */
  readonly smtpUrl: string | undefined;
  /** Sender, such as `Shop <shop@example.com>`. */
  readonly from: string;
  /** Connections to the mail server at most; default 5. What comes beyond that waits. */
  readonly connections?: number;
  /** Folder for the files. */
  readonly outboxDir: string;
}

/** A payload must never make the server read a file or call a URL. */
const CLOSED = { disableFileAccess: true, disableUrlAccess: true };

/** In milliseconds; nodemailer's own are minutes, longer than a handler may take by default. */
const TIMEOUTS = { connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 30_000 };

/** A mailer for this configuration. */
export function createMailer({ smtpUrl, from, connections = 5, outboxDir }: MailerOptions): Mailer {
  const compose = ({ id, to, subject, text, html }: Mail) => ({
    from,
    to: [to].flat().map((address) => ({ name: '', address })),
    subject,
    text,
    html,
    messageId: `<${nameOf(id)}@delay-broker>`,
  });
  if (smtpUrl) {
    const transport = createTransport({
      url: smtpUrl,
      pool: true,
      maxConnections: connections,
      // Sending again is for the wheel to decide, with its backoff.
      maxRequeues: 0,
      ...TIMEOUTS,
      ...CLOSED,
    });
    return {
      async send(mail, signal) {
        const { response, rejected } = await transport.sendMail({
          ...compose(mail),
          ...(signal && { signal }),
        });
        return rejected.length > 0 ? `${response}, but not for ${rejected.join(', ')}` : response;
      },
      close() {
        transport.close();
      },
    };
  }
  const transport = createTransport({ streamTransport: true, buffer: true, ...CLOSED });
  return {
    async send(mail) {
      const { message } = await transport.sendMail(compose(mail));
      return writeWhole(join(resolve(outboxDir), `${nameOf(mail.id)}.eml`), message as Buffer);
    },
    close() {
      transport.close();
    },
  };
}

/** Leaves room for what is added to it: file names end at 255 bytes. */
const LONGEST_NAME = 200;

/** An id as part of a file name or header; an overlong one keeps its beginning and is told apart by its hash. */
function nameOf(id: string): string {
  const name = encodeURIComponent(id);
  if (name.length <= LONGEST_NAME) return name;
  const hash = createHash('sha256').update(id).digest('hex');
  return `${name.slice(0, LONGEST_NAME - hash.length - 1)}-${hash}`;
}

/** Under a name of its own first, so that whoever watches the folder never sees half a mail, nor half of two. */
async function writeWhole(path: string, content: Buffer): Promise<string> {
  const part = `${path}.${randomUUID()}.part`;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(part, content);
  await rename(part, path);
  return path;
}
