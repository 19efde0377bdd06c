/** The page that shows the document: no script, nothing from elsewhere. */

/** Handlebars; gets a PageView. */
export const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{title}}</title>
<style>{{{style}}}</style>
</head>
<body>
<header>
<h1>{{title}} <small>{{version}}</small></h1>
<p>{{summary}}</p>
<p>{{description}}</p>
<p><a href="openapi.json">openapi.json</a> is the same for programs.</p>
</header>
<nav>
{{#each groups}}
<h2>{{description}}</h2>
<ul>
{{#each operations}}
<li><a href="#{{id}}"><b>{{method}}</b> {{path}}</a> {{summary}}</li>
{{/each}}
</ul>
{{/each}}
</nav>
<main>
{{#each groups}}
{{#each operations}}
<section id="{{id}}">
<h2><b>{{method}}</b> {{path}}</h2>
<p>{{summary}}. {{description}}</p>
{{#if parameters}}
<table>
<tr><th>parameter</th><th>in</th><th>meaning</th></tr>
{{#each parameters}}
<tr><td><code>{{name}}</code></td><td>{{in}}</td><td>{{description}}</td></tr>
{{/each}}
</table>
{{/if}}
{{#each bodies}}
<h3>Body, {{mediaType}}{{#if schema}}: <a href="#schema-{{schema}}">{{schema}}</a>{{/if}}</h3>
<pre>{{example}}</pre>
{{/each}}
{{#each answers}}
<details{{#if open}} open{{/if}}>
<summary><b>{{status}}</b> {{description}}</summary>
{{#each headers}}
<p><code>{{name}}</code>: {{description}}</p>
{{/each}}
{{#each bodies}}
<h3>{{mediaType}}{{#if schema}}: <a href="#schema-{{schema}}">{{schema}}</a>{{/if}}</h3>
<pre>{{example}}</pre>
{{/each}}
</details>
{{/each}}
</section>
{{/each}}
{{/each}}
<h1>Schemas</h1>
{{#each schemas}}
<section id="schema-{{name}}">
<h2>{{name}}</h2>
{{#if fields}}
<table>
<tr><th>field</th><th>type</th><th>meaning</th></tr>
{{#each fields}}
<tr><td><code>{{name}}</code>{{#if required}} <b>required</b>{{/if}}</td><td>{{#each type}}{{#if link}}<a href="#schema-{{link}}">{{link}}</a>{{else}}{{text}}{{/if}}{{/each}}</td><td>{{description}}</td></tr>
{{/each}}
</table>
{{else}}
<p>{{#each type}}{{#if link}}<a href="#schema-{{link}}">{{link}}</a>{{else}}{{text}}{{/if}}{{/each}}</p>
{{/if}}
</section>
{{/each}}
</main>
</body>
</html>
`;

/** How it looks, by day and by night. */
export const STYLE = `
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
small { font-weight: normal; }
section { border-top: 1px solid #8888; margin-top: 2rem; }
section b, nav b { font-family: ui-monospace, monospace; }
h3 { font-size: 1rem; margin-bottom: 0; }
nav ul { list-style: none; padding: 0; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.2rem 1rem 0.2rem 0; }
pre { background: #8882; padding: 0.5rem 1rem; overflow-x: auto; }
`;
