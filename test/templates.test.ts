import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadTemplates } from '../src/templates';

const templates = loadTemplates(join(__dirname, '../templates'));
const meeting = { title: 'Planning', starts_at: 'noon' };

test('the templates of this project are there', () => {
  expect([...templates.names].sort()).toEqual(['reminder', 'report', 'welcome']);
});

test('a welcome says where it was sent to', () => {
  const { subject, text, html } = templates.render('welcome', { email: 'ann@example.com' });
  expect(subject).toBe('Welcome');
  for (const part of [text, html]) expect(part).toContain('sent to ann@example.com because');
});

test('a reminder says what starts when', () => {
  const { subject, text, html } = templates.render('reminder', meeting);
  expect(subject).toBe('Reminder: Planning');
  expect(text).toContain('\nPlanning\nstarts noon.');
  expect(html).toContain('<strong>Planning</strong><br />starts noon.');
});

test('variables are escaped in the HTML part, and only there', () => {
  const title = `<b>"Q&A"</b>`;
  const { subject, text, html } = templates.render('reminder', { ...meeting, title });
  expect(subject).toBe(`Reminder: ${title}`);
  expect(text).toContain(title);
  expect(html).toContain('&lt;b&gt;&quot;Q&amp;A&quot;&lt;/b&gt;');
});

test('the subject stays on one line, so that no variable starts another header', () => {
  const { subject } = templates.render('reminder', {
    ...meeting,
    title: 'x\r\nBcc: bob@example.com\u2028y\n',
  });
  expect(subject).toBe('Reminder: x Bcc: bob@example.com y');
});

test('a variable is never taken for a template', () => {
  expect(templates.render('reminder', { ...meeting, title: '{{starts_at}}' }).subject).toBe(
    'Reminder: {{starts_at}}',
  );
});

test.each([
  ['reminder', { title: 'x' }, 'variable "starts_at" is missing'],
  ['welcome', {}, 'variable "email" is missing'],
  ['farewell', meeting, 'there is no template "farewell", only '],
  ['../templates/welcome', meeting, 'there is no template "../templates/welcome"'],
  ['__proto__', meeting, 'there is no template "__proto__"'],
  ['', meeting, 'there is no template ""'],
])('"%s" with %j: %s', (name, variables, says) => {
  expect(() => templates.render(name, variables as Record<string, string>)).toThrow(says);
});

describe('a folder of templates', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'templates-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  test('that is not there is named', () => {
    expect(() => loadTemplates(join(dir, 'nowhere'))).toThrow('nowhere');
  });

  test('where a part is missing is named with the part', () => {
    mkdirSync(join(dir, 'half'));
    writeFileSync(join(dir, 'half', 'subject.hbs'), 'x');
    expect(() => loadTemplates(dir)).toThrow(join('half', 'text.hbs'));
  });

  test('gives no access to what every object inherits', () => {
    mkdirSync(join(dir, 'curious'));
    for (const part of ['subject', 'text', 'html'])
      writeFileSync(join(dir, 'curious', `${part}.hbs`), '{{constructor}}');
    expect(loadTemplates(dir).render('curious', {})).toEqual({ subject: '', text: '', html: '' });
  });
});
