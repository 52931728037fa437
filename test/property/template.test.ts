/** Whatever strangers register, it stays a value: the structure of the file is that of a file with harmless values. */
import { spawnSync } from 'node:child_process';
import { fc, test } from '@fast-check/vitest';
import { expect, test as plainTest } from 'vitest';
import { readTemplate } from '../../src/sync/template/template.ts';
import { HOSTILE_VALUES } from '../support/hostile-values.ts';
import { server } from '../unit/sync/template/server.ts';

const RUNS = { numRuns: 300 };
const value = fc.oneof(
  fc.constantFrom(...HOSTILE_VALUES),
  fc
    .tuple(fc.constantFrom(...HOSTILE_VALUES), fc.constantFrom(...HOSTILE_VALUES))
    .map((both) => both.join('')),
  fc.string({ unit: 'binary' }),
);

/** A stranger chooses all of it but the address. */
const listsOf = (text: string) =>
  new Map([['web', [server(1, { id: text, node: text, tags: [text], meta: { x: text }, zone: text })]]]);
const IN_WEB = (text: string): string => `{{#service web}}\n${text}\n{{/service web}}\n`;

/** Directives with their words, as nginx reads them. Source: nginx, ngx_conf_file.c, ngx_conf_read_token. */
function readNginx(text: string): string[] {
  const found: string[] = [];
  let word: string | undefined;
  let quote = '';
  let isComment = false;
  let afterQuote = false;
  const end = (): void => {
    if (word !== undefined) found.push(`word ${word}`);
    word = undefined;
  };
  for (let i = 0; i < text.length; i++) {
    const at = text[i] as string;
    if (isComment) {
      if (at === '\n') isComment = false;
    } else if (quote !== '') {
      if (at === '\\') word += at + (text[++i] ?? '');
      else if (at === quote) [quote, afterQuote] = ['', true];
      else word += at;
    } else if (/[ \t\r\n]/.test(at)) {
      end();
      afterQuote = false;
    } else if (at === ';' || at === '{') {
      end();
      found.push(at);
      afterQuote = false;
    } else if (afterQuote) throw new Error(`unexpected "${at}" after quotes`);
    else if (word === undefined && at === '}') found.push(at);
    else if (word === undefined && at === '#') isComment = true;
    else if (word === undefined && (at === '"' || at === "'")) [quote, word] = [at, ''];
    else if (at === '\\') word = (word ?? '') + at + (text[++i] ?? '');
    else {
      if (at === '$') found.push('variable');
      word = (word ?? '') + at;
    }
  }
  end();
  if (quote !== '' || isComment) throw new Error('it ends in quotes or a comment');
  return found;
}

const NGINX = `upstream web {
  {{#service web}}
  # {{id}} on {{node}}
  server {{endpoint}} weight={{weight}}; # {{meta.x}}
  {{/service web}}
}
server {
  {{#service web}}
  add_header X-Tag-{{meta.x}} "a {{meta.x}} b";
  set $zone 'z{{zone}}';
  {{#tags}}
  return 200 "{{.}}";
  {{/tags}}
  {{/service web}}
}
`;

test.prop({ text: value }, RUNS)('nginx reads the same directives, with other words', ({ text }) => {
  const template = readTemplate(NGINX, 'nginx');
  const shape = (words: readonly string[]): string[] =>
    words.map((word) => (word.startsWith('word ') ? 'word' : word));
  const written = readNginx(template.render(listsOf(text)));
  expect(shape(written)).toEqual(shape(readNginx(template.render(listsOf('x')))));
  expect(written).toContain('word 10.0.0.1:80');
});

const JSON_TEMPLATE = IN_WEB(
  '{"whole": {{meta.x}}, "part": "<{{meta.x}}>", {{id}}: "{{node}}{{zone}}", "tags": [{{#tags}}{{.}}{{/tags}}]}',
);

test.prop({ text: value }, RUNS)('JSON has the value itself', ({ text }) => {
  const document: unknown = JSON.parse(readTemplate(JSON_TEMPLATE, 'json').render(listsOf(text)));
  const expected = Object.fromEntries([
    ['whole', text],
    ['part', `<${text}>`],
    [text, text + text],
    ['tags', [text]],
  ]);
  expect(JSON.stringify(document)).toBe(JSON.stringify(expected));
});

const SHELL_TEMPLATE = IN_WEB(
  `# {{meta.x}} it's "
printf '%s\\0' {{meta.x}} a{{meta.x}}b "a{{meta.x}}b" 'a{{meta.x}}b' # {{id}}`,
);

/** What shells cannot write becomes a blank. */
const asOneLine = (text: string): string =>
  text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').replace(/\p{Cs}/gu, '\ufffd');

plainTest('a shell gets the value itself, in all places, and runs nothing of it', () => {
  const template = readTemplate(SHELL_TEMPLATE, 'shell');
  const values = [...HOSTILE_VALUES, ...fc.sample(value, { numRuns: 200, seed: 1 })];
  const script = values.map((text) => template.render(listsOf(text))).join('');
  const { stdout, stderr, status } = spawnSync('sh', ['-eu'], { input: script, encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
  const expected = values.map(asOneLine).flatMap((text) => [text, ...Array(3).fill(`a${text}b`)]);
  expect(stdout.split('\0').slice(0, -1)).toEqual(expected);
});
