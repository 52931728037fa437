import { expect, test } from 'vitest';
import { decodeJob, jobSettings, toFileForm } from '../../../src/config/jobs.ts';
import { SettingPathError } from '../../../src/config/setting.ts';

const post = { post: 'http://127.0.0.1/x' };
const decode = (fields: Readonly<Record<string, unknown>>, allowsRun = true) =>
  decodeJob('j', new Map(Object.entries(fields)), 7, allowsRun);

test('a job has defaults, and is written as it was', () => {
  const job = decode({ every: '5m', ...post });
  expect(job.definition).toEqual({
    ...{ name: 'j', schedule: { kind: 'every', every: 300_000 }, place: {}, timeout: 60_000, retries: 0 },
    ...{ overlap: 'skip', jitter: 0, catchUp: 'one', quorum: 1, registeredAt: 7 },
    action: { kind: 'post', url: post.post },
  });
  for (const fields of [
    { cron: '0 3 * * *', timezone: 'Europe/Berlin', run: ['/bin/x', 'y'], service: 'w', retries: 3 },
    { at: '2030-01-31T03:00:00Z', ...post, tag: 'role=db', overlap: 'allow', catchUp: 'none', quorum: 2 },
  ])
    expect(decode(toFileForm(decode(fields)))).toEqual(decode(fields));
});

test.each([
  [{ every: '5m' }, [], /must have run or post/],
  [{ every: '5m', run: ['/x'], ...post }, [], /must have run or post/],
  [{ ...post }, [], /must have every, cron or at/],
  [{ every: '5m', cron: '* * * * *', ...post }, [], /must have every, cron or at/],
  [{ every: 5, ...post }, ['every'], /must be a duration/],
  [{ every: '10ms', ...post }, ['every'], /must be 1s to/],
  [{ every: '5m', jitter: '6m', ...post }, ['jitter'], /must be shorter than every/],
  [{ every: '5m', timezone: 'UTC', ...post }, ['timezone'], /only for cron/],
  [{ cron: '99 * * * *', ...post }, ['cron'], /is invalid/],
  [{ cron: '0 3 * * *', timezone: 'Mars/X', ...post }, ['timezone'], /is unknown/],
  [{ at: 'noon', ...post }, ['at'], /must be a time/],
  [{ every: '5m', evry: 1, ...post }, ['evry'], /did you mean every/],
  [{ every: '5m', run: ['x'] }, ['run'], /absolute path/],
  [{ every: '5m', run: [] }, ['run'], /list of 1 to/],
  [{ every: '5m', post: 'ftp://x/' }, ['post'], /must be a URL/],
  [{ every: '5m', service: 'w', tag: 'a=b', ...post }, [], /service or a tag/],
  [{ every: '5m', tag: 'ab', ...post }, ['tag'], /KEY=VALUE/],
  [{ every: '5m', retries: 11, ...post }, ['retries'], /0 to 10/],
  [{ every: '5m', overlap: 'maybe', ...post }, ['overlap'], /skip or allow/],
  [{ every: '5m', quorum: 0, ...post }, ['quorum'], /1 to/],
])('%j is refused at %j', (fields, path, reason) => {
  const error = (() => {
    try {
      return decode(fields);
    } catch (thrown) {
      return thrown;
    }
  })();
  expect(error).toBeInstanceOf(SettingPathError);
  expect((error as SettingPathError).path).toEqual(['j', ...path]);
  expect((error as SettingPathError).message).toMatch(reason);
});

test('a command does not come from outside the configuration', () => {
  expect(() => decode({ every: '5m', run: ['/bin/x'] }, false)).toThrow(/only read from the configuration/);
});

test('the setting is a map of jobs', () => {
  const { jobs } = jobSettings;
  expect(jobs.parse(new Map([['a', new Map(Object.entries({ every: '1m', ...post }))]]))).toHaveLength(1);
  expect(() => jobs.parse([])).toThrow(/map of names/);
  expect(() => jobs.parse(new Map([['a', 1]]))).toThrow(/must be a map/);
  expect(jobs.format([])).toBe('');
});
