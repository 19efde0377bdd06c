/** Sends mails by SMTP or, where there is no mail server, writes them into a folder. */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createTransport } from 'nodemailer';

/** One mail. */
export interface Mail {
  /** Names the mail; the same again is recognisable by its Message-ID. */
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** Sends mails. */
export interface Mailer {
  /**
   * Sends one and says where it went: the server's answer, or the file's path.
   *
   * @throws nodemailer's error, or the file system's
   */
  send(mail: Mail): Promise<string>;
  /** Closes the connections to the mail server. */
  close(): void;
}

/** Options of createMailer. */
export interface MailerOptions {
  /** `smtp://` or `smtps://` URL; without it mails become files. */
  readonly smtpUrl: string | undefined;
  /** Sender, such as `Shop <shop@example.com>`. */
  readonly from: string;
  /** Folder for the files. */
  readonly outboxDir: string;
}

/** A payload must never make the server read a file or call a URL. */
const CLOSED = { disableFileAccess: true, disableUrlAccess: true };

/** A mailer for this configuration. */
export function createMailer({ smtpUrl, from, outboxDir }: MailerOptions): Mailer {
  const compose = ({ id, to, subject, text, html }: Mail) => ({
    from,
    to: { name: '', address: to },
    subject,
    text,
    html,
    messageId: `<${encodeURIComponent(id)}@delay-broker>`,
  });
  if (smtpUrl) {
    const transport = createTransport({ url: smtpUrl, pool: true, ...CLOSED });
    return {
      send: async (mail) => (await transport.sendMail(compose(mail))).response,
      close() {
        transport.close();
      },
    };
  }
  const transport = createTransport({ streamTransport: true, buffer: true, ...CLOSED });
  return {
    async send(mail) {
      const { message } = await transport.sendMail(compose(mail));
      return writeWhole(join(resolve(outboxDir), `${encodeURIComponent(mail.id)}.eml`), message as Buffer);
    },
    close() {
      transport.close();
    },
  };
}

/** Under another name first, so that whoever watches the folder never sees half a mail. */
async function writeWhole(path: string, content: Buffer): Promise<string> {
  await mkdir(resolve(path, '..'), { recursive: true });
  await writeFile(`${path}.part`, content);
  await rename(`${path}.part`, path);
  return path;
}
