/** Certificates for a test, made with openssl in a folder of their own under /tmp, where the broker can read them. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A certificate authority, with what it has signed: PEM files. */
export interface Authority {
  readonly ca: string;
  /** For localhost and 127.0.0.1. */
  readonly server: { readonly cert: string; readonly key: string };
  readonly client: { readonly cert: string; readonly key: string };
  remove(): void;
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Makes an authority, one server and one client, valid for a day. */
export function createAuthority(): Authority {
  const folder = mkdtempSync('/tmp/delay-broker-test-');
  const at = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  const signed = (name: string, extension: string) => {
    const files = { cert: at(`${name}.pem`), key: at(`${name}.key`) };
    const request = at(`${name}.csr`);
    writeFileSync(at(`${name}.ext`), extension);
    openssl('req', ...KEY, '-subj', `/CN=${name}`, '-keyout', files.key, '-out', request);
    openssl(
      ...['x509', '-req', '-in', request, '-days', '1', '-extfile', at(`${name}.ext`), '-out', files.cert],
      ...['-CA', ca, '-CAkey', at('ca.key'), '-CAcreateserial'],
    );
    return files;
  };
  const ca = at('ca.pem');
  openssl('req', '-x509', ...KEY, '-subj', '/CN=test', '-days', '1', '-keyout', at('ca.key'), '-out', ca);
  return {
    ca,
    server: signed('server', 'subjectAltName=DNS:localhost,IP:127.0.0.1'),
    client: signed('client', 'extendedKeyUsage=clientAuth'),
    remove: () => rmSync(folder, { recursive: true }),
  };
}
