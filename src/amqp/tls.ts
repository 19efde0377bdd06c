/** TLS to RabbitMQ: whom to trust, and who this client is, from PEM files. What is in them appears in no message. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Contents of PEM files; only for `amqps://`. */
export interface TlsMaterial {
  /** The authorities whose signature on RabbitMQ's certificate counts; default those that Node trusts. */
  readonly ca?: Buffer | undefined;
  /** This client's certificate, and those between it and an authority; default none. */
  readonly cert?: Buffer | undefined;
  /** The private key of the certificate. */
  readonly key?: Buffer | undefined;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/gs;

/**
 * Reads a PEM file with one or more certificates.
 *
 * @throws Error what is wrong with it, for the operator
 */
export function readCertificates(path: string): Buffer {
  const content = readPem(path);
  const certificates = content.toString('latin1').match(CERTIFICATE) ?? [];
  // Node passes over what it cannot read in a list of authorities, and would then trust nobody.
  if (certificates.length === 0 || !certificates.every((pem) => canBeRead(() => new X509Certificate(pem))))
    throw new Error('the file is no certificate in PEM');
  return content;
}

/**
 * Reads a PEM file with a private key.
 *
 * @throws Error what is wrong with it, for the operator
 */
export function readPrivateKey(path: string): Buffer {
  const content = readPem(path);
  if (!canBeRead(() => createPrivateKey(content)))
    throw new Error('the file is no private key in PEM, or one with a passphrase');
  return content;
}

/** Whether the key is that of the certificate. */
export function belongTogether(cert: Buffer, key: Buffer): boolean {
  return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
}

/** The path is not repeated: somebody may have put the content itself in its place. */
function readPem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new Error('there is no such file', { cause });
    throw new Error(`the file cannot be read (${code})`, { cause });
  }
}

function canBeRead(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}

/** By the error's code, what happened and what to do; TLS 1.2 knows only handshake_failure for a certificate that is missing. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [
    /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    'its certificate is for another name than the host in AMQP_URL. Use a name there that the certificate has',
  ],
  [
    /SELF_SIGNED_CERT|UNABLE_TO_(VERIFY|GET_ISSUER)|CERT_(SIGNATURE_FAILURE|UNTRUSTED)/,
    'its certificate is signed by nobody who is trusted here. AMQP_CA_FILE has to hold the certificate of the authority that signed it',
  ],
  [
    /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/,
    'its certificate has expired or is not valid yet. Renew it, and check the clock of this machine',
  ],
  [
    /ALERT_(CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE)$/,
    'it wants a certificate of this client. Set AMQP_CERT_FILE and AMQP_KEY_FILE',
  ],
  [
    /ALERT_(UNKNOWN_CA|(BAD|UNSUPPORTED)_CERTIFICATE|CERTIFICATE_(EXPIRED|REVOKED|UNKNOWN))$/,
    'it does not accept the certificate in AMQP_CERT_FILE. That has to be valid and signed by an authority in ssl_options.cacertfile of RabbitMQ',
  ],
  [
    /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/,
    'it does not speak TLS on this port. Use its port for TLS, usually 5671, or amqp:// instead of amqps://',
  ],
];

/** Why a TLS connection did not come about, and what to do; undefined when the reason is another one. */
export function whyNoTls(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return REASONS.find(([pattern]) => pattern.test(code))?.[1];
}
