import { describe, expect, test } from 'vitest';
import { waitUntil } from '../../../support/wait.ts';
import { event, handlersWith, isAlive, member, notebook, query, script } from './support.ts';

const RECORD = '{ env | grep ^SERF_ | sort; echo --; cat; }';

describe('what a script gets', () => {
  test('for members: a line each, with separators in names escaped', async () => {
    const notes = notebook();
    const { notify: tell } = handlersWith([
      script(['member-join'], `${RECORD} > ${notes.path}.new; mv ${notes.path}.new ${notes.path}`),
    ]);
    tell(member('failed', 'not-asked-for'));
    tell(member('join', 'ann', { role: 'db', x: 'tab\there\nand there' }));
    await waitUntil('it ran', 20_000, () => notes.read() !== '');
    expect(notes.lines()).toEqual([
      'SERF_EVENT=member-join',
      'SERF_SELF_NAME=me',
      'SERF_SELF_ROLE=web',
      'SERF_TAG_A_B_C=x=1',
      'SERF_TAG_ROLE=web',
      '--',
      'ann\t10.0.0.9\tdb\trole=db,x=tab\\there\\nand there',
    ]);
  });

  test('for user events: name, time and payload with a line break', async () => {
    const notes = notebook();
    const { notify: tell } = handlersWith([script(['user'], `{ ${RECORD}; echo .; } >> ${notes.path}`)]);
    tell(event('deploy', 'two\nlines'));
    tell(event('empty'));
    tell(event('ended', 'x\n'));
    await waitUntil('all ran', 20_000, () => notes.lines().filter((line) => line === '.').length === 3);
    const said = notes
      .read()
      .split('.\n')
      .map((one) => one.split('--\n')[1]);
    expect(said).toEqual(['two\nlines\n', '', 'x\n', undefined]);
    expect(notes.lines()).toEqual(expect.arrayContaining(['SERF_USER_EVENT=deploy', 'SERF_USER_LTIME=7']));
    expect(notes.read()).not.toContain('SERF_QUERY');
  });

  test('S14: no shell reads its arguments, the environment is minimal, the directory is /', async () => {
    process.env['HEARSAY_SECRET'] = 'key';
    const { notify: tell, facts } = handlersWith([
      { on: ['user'], run: ['/bin/echo', '$HOME; `id`', '*'], timeout: 20_000 },
      script(['user'], 'pwd; env'),
    ]);
    tell(event('a\0b; `id`'));
    await waitUntil('both ran', 20_000, () => facts.length === 2);
    delete process.env['HEARSAY_SECRET'];
    const said = facts.map((fact) => (fact.kind === 'handlerRan' ? fact.output : fact.kind));
    expect(said).toContain('$HOME; `id` *\n');
    const [folder, ...lines] = (said.find((one) => one.startsWith('/')) ?? '').trim().split('\n');
    expect(folder).toBe('/');
    expect(lines).toContain('SERF_USER_EVENT=ab; `id`');
    const allowed = ['PATH', 'LANG', 'LC_ALL', 'TZ', 'PWD', 'SHLVL', '_', 'OLDPWD'];
    const names = lines.map((line) => line.split('=')[0] ?? '');
    expect(names.filter((name) => !name.startsWith('SERF_') && !allowed.includes(name))).toEqual([]);
  });
});

describe('which handlers get an event', () => {
  test('each handler gets the events that its filters select', async () => {
    const notes = notebook();
    const into = (name: string): string => `echo ${name} $SERF_EVENT >> ${notes.path}`;
    const { notify: tell, facts } = handlersWith([
      script(['*'], into('all')),
      script(['user:deploy', 'query'], into('some')),
      script(['query:load'], into('load')),
    ]);
    for (const news of [event('deploy'), event('other'), query('load'), query('disk'), member('reap', 'ann')])
      tell(news);
    await waitUntil('all ran', 20_000, () => facts.length === 9);
    expect(notes.lines().sort()).toEqual([
      ...['all member-reap', 'all query', 'all query', 'all user', 'all user'],
      ...['load query', 'some query', 'some query', 'some user'],
    ]);
  });

  test('one at a time, in order, but queries do not wait for events', async () => {
    const notes = notebook();
    const {
      notify: tell,
      facts,
      answers,
    } = handlersWith([
      script(
        ['user'],
        `read n; echo in $n >> ${notes.path}; sleep 0.$((5 - n)); echo out $n >> ${notes.path}`,
      ),
      script(['*'], `test $SERF_EVENT = query && echo yes || sleep 1000`),
    ]);
    for (const n of ['1', '2', '3']) tell(event('step', n));
    tell(query('there'));
    await waitUntil('the query is answered', 20_000, () => answers.length === 1);
    await waitUntil('all ran', 20_000, () => facts.filter(({ kind }) => kind === 'handlerRan').length === 4);
    expect(notes.lines()).toEqual(['in 1', 'out 1', 'in 2', 'out 2', 'in 3', 'out 3']);
  });

  test('a burst is coalesced to one run', async () => {
    const { notify: tell, facts } = handlersWith([script(['*'], 'wc -l')], { period: 3000, quiescent: 300 });
    for (const name of ['ann', 'bob', 'cat']) tell(member('join', name));
    await waitUntil('it ran', 20_000, () => facts.length === 1);
    expect(facts[0]).toMatchObject({
      event: 'member-join',
      output: expect.stringMatching(/^ *3\n$/) as string,
    });
  });

  test('a slow handler loses the oldest events, each recorded', async () => {
    const notes = notebook();
    const { notify: tell, facts } = handlersWith([
      script(['user'], `read n; echo $n >> ${notes.path}; sleep 1000`),
    ]);
    for (let n = 0; n < 300; n++) tell(event(`n${n}`, String(n)));
    expect(facts).toHaveLength(300 - 1 - 256);
    expect(facts[0]).toEqual({ kind: 'handlerEventDropped', handler: '/bin/sh', event: 'user:n1' });
    await waitUntil('the first runs', 20_000, () => notes.lines().length === 1);
    expect(notes.lines()).toEqual(['0']);
  });
});

describe('responses to queries', () => {
  test('are the output of the script, if it succeeds', async () => {
    const {
      notify: tell,
      facts,
      answers,
    } = handlersWith([
      script(['query'], 'cat; echo words >&2; test $SERF_QUERY_NAME = good'),
      script(['query'], ':'),
    ]);
    tell(query('good', 'payload', 3));
    tell(query('bad', 'payload', 4));
    await waitUntil('all ran', 20_000, () => facts.length === 4);
    expect(answers).toEqual(['3: payload\nwords\n']);
    expect(facts).toContainEqual(
      expect.objectContaining({
        kind: 'handlerFailed',
        event: 'query:bad',
        reason: 'exit code 1: payload\nwords',
      }),
    );
  });

  test('that are refused are recorded, and events have none', async () => {
    const {
      notify: tell,
      facts,
      answers,
    } = handlersWith([script(['*'], 'echo said')], undefined, 'too large');
    tell(query('q'));
    tell(event('e'));
    await waitUntil('both ran', 20_000, () => facts.length === 2);
    expect(answers).toEqual([]);
    expect(facts).toContainEqual({
      kind: 'handlerFailed',
      handler: '/bin/sh',
      event: 'query:q',
      reason: 'too large',
    });
    expect(facts).toContainEqual(
      expect.objectContaining({ kind: 'handlerRan', event: 'user:e', output: 'said\n' }),
    );
  });
});

describe('S14: bounds', () => {
  test('at the timeout the whole group is killed, sleeping children too', async () => {
    const notes = notebook();
    const { notify: tell, facts } = handlersWith([
      script(['user'], `sleep 1000 & echo $! >> ${notes.path}; echo $$ >> ${notes.path}; wait`, 2000),
    ]);
    tell(event('e'));
    await waitUntil('it was stopped', 20_000, () => facts.length === 1);
    expect(facts[0]).toMatchObject({
      kind: 'handlerFailed',
      reason: 'not finished after 2 s: the program was stopped',
    });
    expect(notes.lines()).toHaveLength(2);
    await waitUntil('all are gone', 10_000, () => !notes.lines().map(Number).some(isAlive));
  });

  test('processes that it leaves running are killed', async () => {
    const notes = notebook();
    const { notify: tell, facts } = handlersWith([script(['user'], `sleep 1000 & echo $! >> ${notes.path}`)]);
    tell(event('e'));
    await waitUntil('it ran', 20_000, () => facts.length === 1);
    expect(notes.lines()).toHaveLength(1);
    await waitUntil('all are gone', 10_000, () => !notes.lines().map(Number).some(isAlive));
  });

  test('a program with endless output is stopped; the first 4 kB are kept', async () => {
    const { notify: tell, facts } = handlersWith([
      { on: ['user:flood'], run: ['/usr/bin/yes'], timeout: 20_000 },
      script(['user:much'], 'i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done'),
      { on: ['user:none'], run: ['/no/such/program'], timeout: 20_000 },
    ]);
    for (const name of ['flood', 'much', 'none']) tell(event(name));
    await waitUntil('all ran', 20_000, () => facts.length === 3);
    const by = (name: string) => facts.find((fact) => fact.event === `user:${name}`);
    expect(by('flood')).toMatchObject({ reason: 'output exceeded 1048576 bytes: the program was stopped' });
    expect(by('none')).toMatchObject({ reason: 'spawn /no/such/program ENOENT' });
    const much = by('much');
    if (much?.kind !== 'handlerRan') throw new Error('it did not run');
    expect(much.output).toMatch(/^line 0\nline 1\n/);
    expect(much.output).toHaveLength(4096);
  });

  test('closing kills running programs, and nothing more is recorded', async () => {
    const notes = notebook();
    const {
      notify: tell,
      facts,
      close,
    } = handlersWith([script(['user'], `echo $$ >> ${notes.path}; sleep 1000`)]);
    tell(event('a'));
    tell(event('b'));
    await waitUntil('it runs', 10_000, () => notes.lines().length === 1);
    close();
    await waitUntil('it is gone', 10_000, () => !notes.lines().map(Number).some(isAlive));
    tell(event('c'));
    expect(facts).toEqual([]);
    expect(notes.lines()).toHaveLength(1);
  });
});

test('replace: events of former handlers are still handled, and a handler that stays is not restarted', async () => {
  const notes = notebook();
  const stays = script(['user'], `read n; echo stays $n >> ${notes.path}`);
  const { notify: tell, replace } = handlersWith([
    stays,
    script(['user'], `read n; echo goes $n >> ${notes.path}`),
  ]);
  tell(event('e', '1'));
  tell(event('e', '2'));
  replace([stays, script(['user'], `read n; echo comes $n >> ${notes.path}`)]);
  tell(event('e', '3'));
  await waitUntil('all ran', 20_000, () => notes.lines().length === 6);
  expect(notes.lines().filter((line) => line.startsWith('stays'))).toEqual(['stays 1', 'stays 2', 'stays 3']);
  expect(notes.lines().sort().slice(0, 3)).toEqual(['comes 3', 'goes 1', 'goes 2']);
});

describe('followers', () => {
  test('get what handlers get, coalesced, until they go; also where there is no handler', async () => {
    const { notify, follow } = handlersWith([], { period: 60_000, quiescent: 50 });
    const heard: string[] = [];
    const unfollow = follow((one) => {
      if (one.kind === 'members')
        heard.push(`${one.change} ${one.members.map(({ name }) => name).join(' ')}`);
      else heard.push(one.kind);
    });
    for (const name of ['ann', 'bob']) notify(member('join', name));
    notify(event('deploy'));
    expect(heard).toEqual(['user']);
    await waitUntil('the joins are told', 20_000, () => heard.length === 2);
    unfollow();
    notify(event('deploy'));
    expect(heard).toEqual(['user', 'join ann bob']);
  });
});
