import { describe, expect, test } from 'vitest';
import type { DesiredServer } from '../../../../src/sync/desired.ts';
import type { SyntaxName } from '../../../../src/sync/template/escape.ts';
import { readTemplate } from '../../../../src/sync/template/template.ts';
import { TemplateError } from '../../../../src/sync/template/tokens.ts';
import { server } from './server.ts';

const LISTS: ReadonlyMap<string, readonly DesiredServer[]> = new Map([
  [
    'web',
    [
      server(1, {
        tags: ['primary', 'b'],
        meta: { path: '/x', 'a.b': 'deep' },
        zone: 'z1',
        ports: { admin: 99 },
      }),
      server(2, { address: 'fd00::5' }),
    ],
  ],
  ['api.v1', [server(3)]],
  ['none', []],
]);

const render = (text: string, syntax: SyntaxName = 'word'): string =>
  readTemplate(text, syntax).render(LISTS);

describe('what a template writes', () => {
  test('each instance of a service, by lines of its own', () => {
    const text = `upstream web {
  {{#service web}}
  server {{endpoint}} weight={{weight}}; # {{id}} on {{node}}
  {{/service web}}
  {{^service web}}
  server 127.0.0.1:1 down;
  {{/service web}}
}
`;
    expect(render(text, 'nginx')).toBe(`upstream web {
  server 10.0.0.1:80 weight=10; # web-1 on n1
  server [fd00::5]:80 weight=10; # web-2 on n1
}
`);
    expect(render(text.replaceAll('service web', 'service none'), 'nginx')).toBe(
      'upstream web {\n  server 127.0.0.1:1 down;\n}\n',
    );
  });

  test('names in any case, and services with dots', () => {
    expect(
      render('{{#service WEB}}{{id}} {{/service WEB}}{{#service api.v1}}{{id}}{{/service api.v1}}'),
    ).toBe('web-1 web-2 web-3');
    expect(render('{{#service gone}}x{{/service gone}}')).toBe('');
  });

  test('all fields', () => {
    const fields =
      '{{service}} {{address}} {{port}} {{status}} {{zone}} {{meta.path}} {{meta.a.b}} {{ports.admin}} {{meta.no}}|';
    expect(render(`{{#service web}}{{#first}}${fields}{{/first}}{{/service web}}`)).toBe(
      'web 10.0.0.1 80 passing z1 /x deep 99 |',
    );
  });

  test('if: flags, values and lists', () => {
    const text =
      '{{#service web}}{{#tag primary}}P{{/tag primary}}{{^tag primary}}r{{/tag primary}}{{#zone}}Z{{/zone}}{{^zone}}-{{/zone}}{{#tags}}{{.}}{{^last}}+{{/last}}{{/tags}} {{/service web}}';
    expect(render(text)).toBe('PZprimary+b r- ');
  });

  test('all services with their instances, and names of outer sections in inner ones', () => {
    const text = '{{#services}}{{name}}:{{#instances}} {{name}}/{{id}}{{/instances}}\n{{/services}}';
    expect(render(text)).toBe('web: web/web-1 web/web-2\napi.v1: api.v1/web-3\nnone:\n');
    expect(readTemplate(text, 'word').services).toBe('all');
    expect(
      readTemplate('{{#service web}}{{/service web}}{{^service a}}{{/service a}}', 'word').services,
    ).toEqual(['web', 'a']);
  });

  test('JSON: whole values outside of quotes, and parts of strings in them', () => {
    const text =
      '[{{#service web}}{"id":{{id}},"port":{{port}},"url":"http://{{endpoint}}"}{{^last}},{{/last}}{{/service web}}]';
    expect(JSON.parse(render(text, 'json'))).toEqual([
      { id: 'web-1', port: 80, url: 'http://10.0.0.1:80' },
      { id: 'web-2', port: 80, url: 'http://[fd00::5]:80' },
    ]);
  });

  test('filters come first, the syntax of the file last', () => {
    const lists = new Map([['web', [server(1, { meta: { a: `it's "1"` } })]]]);
    const text = '{{#service web}}{"run": "echo {{meta.a | shell}}"}{{/service web}}';
    expect(JSON.parse(readTemplate(text, 'json').render(lists))).toEqual({ run: `echo 'it'\\''s "1"'` });
    const quoted = "{{#service web}}A='{{meta.a | json}}'{{/service web}}";
    expect(readTemplate(quoted, 'shell').render(lists)).toBe(`A='"it'\\''s \\"1\\""'`);
  });

  test('comments, and other delimiters', () => {
    expect(render('{{! not shown }}{{=<% %>=}}<%#service api.v1%>{{<%id%>}}<%/service api.v1%>')).toBe(
      '{{web-3}}',
    );
  });

  test('what a stranger names as objects of JavaScript name them is nothing', () => {
    const meta = JSON.parse('{"__proto__":"p"}') as Record<string, string>;
    const lists = new Map([['web', [server(1, { meta })]]]);
    const at = (name: string): string =>
      readTemplate(`{{#service web}}{{meta.${name}}}{{/service web}}`, 'word').render(lists);
    expect([at('constructor'), at('toString'), at('__proto__')]).toEqual(['', '', 'p']);
  });
});

describe('what is refused, with its line and what to do', () => {
  const refuse = (text: string, syntax: SyntaxName = 'word'): string => {
    try {
      readTemplate(text, syntax);
    } catch (error) {
      if (error instanceof TemplateError) return `${error.line}: ${error.message}`;
      throw error;
    }
    return '';
  };
  const inWeb = (text: string): string => `{{#service web}}\n${text}\n{{/service web}}`;

  test.each([
    [inWeb('{{adress}}'), '2: there is no "adress" here: use first, last, service, id, node, address, port,'],
    [inWeb('{{constructor}}'), '2: there is no "constructor" here'],
    ['\n{{name}}', '2: there is no "name" here: use services, service NAME'],
    ['{{#service web}}', '1: the section "service web" is not closed: write {{/service web}} where it ends'],
    [inWeb('{{/first}}'), '2: '],
    ['a\nb {{/service web}}', '2: {{/service web}} closes what was not opened'],
    ['\n\n{{#service web', '3: a tag is not closed: write }} at its end'],
    [inWeb('{{{id}}}'), '2: "id" would be written as it is'],
    [inWeb('{{&id}}'), '2: "id" would be written as it is'],
    [inWeb('{{> more}}'), '2: there are no partials'],
    [inWeb('{{id | html}}'), '2: there is no filter "html": use word, nginx, json, shell'],
    [inWeb('{{tags}}'), '2: "tags" is no value: write {{#tags}} … {{/tags}}'],
    [inWeb('{{tag a}}'), '2: "tag a" is no value'],
  ])('%j', (text, message) => {
    expect(refuse(text)).toContain(message);
  });

  test.each([
    [
      'json',
      '{"a": "{{#service web}}"{{/service web}}}',
      '1: the section "service web" begins in double quotes, and ends outside',
    ],
    ['json', '{"a": "b', '1: quotes are open at the end: close them'],
    ['json', inWeb('"\\{{id}}"'), '2: a backslash stands right before a tag: leave it out'],
    ['shell', inWeb('a=\\{{id}}'), '2: a backslash stands right before a tag'],
    ['shell', inWeb('a=$' + '{{id}}'), '2: $ stands right before a tag'],
    ['shell', inWeb('a="$(b "{{id}}")"'), '2: $( may hide quotes'],
    ['shell', inWeb('a=`b {{id}}`'), '2: ` may hide quotes'],
    ['shell', inWeb('cat <<E\n{{id}}\nE'), '2: << may hide quotes'],
    ['shell', inWeb("a=$'{{id}}'"), "2: $' may hide quotes"],
    ['shell', 'a={{#service web}}b{{/service web}}#c', '1: # after a section may begin a comment or not'],
    [
      'shell',
      "{{#service web}}'{{id}}{{/service web}}'",
      '1: the section "service web" begins outside of quotes, and ends in single',
    ],
  ] as const)('%s %j', (syntax, text, message) => {
    expect(refuse(text, syntax)).toContain(message);
  });

  test('what shells know and quotes survive is taken', () => {
    expect(refuse(inWeb(`# it's {{id}}\nA="$` + `{HOME}/{{id}}" B='$5' C=$X#{{id}}`), 'shell')).toBe('');
    expect(refuse('{{#service web}}\n# {{id}}\nA={{id}}\n{{/service web}}\n# end\n', 'shell')).toBe('');
  });
});
