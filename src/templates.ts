/** Mail templates on disk: a folder each, with subject.hbs, text.hbs and html.hbs (https://handlebarsjs.com). */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Handlebars from 'handlebars';

/** What a template's placeholders stand for; a list is what `{{#each}}` goes through. */
export interface TemplateVariables {
  readonly [name: string]: TemplateValue;
}

type TemplateValue = string | number | boolean | TemplateVariables | readonly TemplateValue[];

/** A mail's parts. */
export interface RenderedMail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** The templates of a folder. */
export interface Templates {
  /** Their names. */
  readonly names: readonly string[];
  /**
   * Fills in a template; variables are escaped in the HTML part.
   *
   * @throws Error naming the template that is unknown or the variable that is missing
   */
  render(name: string, variables: TemplateVariables): RenderedMail;
}

/**
 * Reads all templates of a folder.
 *
 * @throws Error naming the folder or file that cannot be read
 */
export function loadTemplates(dir: string): Templates {
  const names = readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  const templates = new Map(names.map((name) => [name, compile(join(dir, name))]));
  return {
    names,
    render(name, variables) {
      const template = templates.get(name);
      if (!template) throw new Error(`there is no template "${name}", only ${names.join(', ')}`);
      return {
        // A line break in a variable must not start another header.
        subject: template.subject(variables).replace(/\s+/g, ' ').trim(),
        text: template.text(variables),
        html: template.html(variables),
      };
    },
  };
}

function compile(dir: string) {
  const part = (name: string, noEscape: boolean) => {
    const source = readFileSync(join(dir, `${name}.hbs`), 'utf8');
    const template = Handlebars.compile<TemplateVariables>(source, { strict: true, noEscape });
    return (variables: TemplateVariables) => {
      try {
        return template(variables);
      } catch (cause) {
        const [, missing] = /"([^"]+)" not defined/.exec(String(cause)) ?? [];
        throw new Error(missing ? `variable "${missing}" is missing` : `${name}.hbs: ${cause}`, { cause });
      }
    };
  };
  return { subject: part('subject', true), text: part('text', true), html: part('html', false) };
}
