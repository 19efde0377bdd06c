import { createHash } from 'node:crypto';
import { apiDocument } from '../../../src/http/openapi/document';
import { apiPage } from '../../../src/http/openapi/page';
import { startApi } from '../api';
import { document, operations } from './described';

const { html } = apiPage(document);

test('the page is served with a policy that lets nothing in but its own style', async () => {
  const api = await startApi();
  try {
    const answer = await fetch(`http://127.0.0.1:${api.port}/docs`);
    const page = await answer.text();
    expect(answer.headers.get('Content-Type')).toBe('text/html; charset=utf-8');
    const [, style = ''] = /<style>(.*?)<\/style>/s.exec(page) ?? [];
    expect(answer.headers.get('Content-Security-Policy')?.split('; ')).toEqual([
      "default-src 'none'",
      `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ]);
  } finally {
    await api.close();
  }
});

test('it needs nothing else, from here or from elsewhere', () => {
  expect(html).not.toMatch(/<(script|link|img|iframe|object|form)|\bsrc=|\bstyle=|\bon\w+=|@import|url\(/i);
});

test('it shows every operation and every schema, and its links lead somewhere', () => {
  for (const { method, path, operation } of operations) {
    expect(html).toContain(`<h2><b>${method}</b> ${path}</h2>`);
    expect(html).toContain(`id="${operation.operationId}"`);
  }
  const ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  const schemas = Object.keys(document.components.schemas).map((name) => `schema-${name}`);
  expect(ids).toEqual(expect.arrayContaining(schemas));
  const links = [...html.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id);
  expect(ids).toEqual(expect.arrayContaining(links));
});

test('it says of each field what it may be', () => {
  const rows = html
    .split('\n')
    .filter((line) => line.startsWith('<tr><td>') && !line.includes('<td>path</td>'));
  const row = (field: string) => rows.find((line) => line.includes(`<code>${field}</code>`));
  expect(row('order_id')).toContain('<b>required</b></td><td>string, characters at most: 128');
  expect(row('retry.max_attempts')).toContain('integer, at least 1, at most 1000');
  expect(row('payload')).toContain('<a href="#schema-OrdersPayload">OrdersPayload</a>');
});

test('what comes from outside is text and nothing else', () => {
  const strange = apiPage(apiDocument({ clock: Date.now, templateNames: ['<b onload="x">'] })).html;
  expect(strange).not.toContain('<b onload');
  expect(strange).toContain('&lt;b onload');
});
