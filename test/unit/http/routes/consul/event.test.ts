import { describe, expect, test } from 'vitest';
import { encodeUtf8 } from '../../../../../src/base/bytes.ts';
import { FakeAgent, member, put, SEED, send, serve } from '../../fixture.ts';

const agent = () => new FakeAgent(member('ann'));
const heard = (name: string, ltime: number, payload = '') => ({
  ...{ name, ltime, payload: encodeUtf8(payload), coalesce: false },
});

interface Shape {
  readonly ID: string;
  readonly Name: string;
  readonly LTime: number;
}

describe('/v1/event', () => {
  test('12 fire: the body is the payload, and the reply is the event in Consul’s JSON with LTime 0', async () => {
    const ann = agent();
    ann.reply = async () => heard('deploy', 7, 'v1');
    const server = await serve(ann);

    const answer = await put(server, '/v1/event/fire/deploy', 'v1');

    expect(ann.commands).toEqual([
      { kind: 'fireEvent', name: 'deploy', payload: encodeUtf8('v1'), coalesce: false },
    ]);
    expect(answer.status).toBe(200);
    expect(answer.json()).toEqual({
      ID: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      Name: 'deploy',
      Payload: 'djE=',
      NodeFilter: '',
      ServiceFilter: '',
      TagFilter: '',
      Version: 1,
      LTime: 0,
    });
  });

  test('12 fire: POST does the same; no name is 400', async () => {
    const ann = agent();
    ann.reply = async () => heard('deploy', 7);
    const server = await serve(ann);

    expect((await send(server, '/v1/event/fire/deploy', { method: 'POST' })).json()).toMatchObject({
      Payload: null,
    });
    expect((await put(server, '/v1/event/fire/')).status).toBe(400);
    expect(ann.commands).toHaveLength(1);
  });

  test('12 fire: node, service and tag are filters, which the reply and the list show', async () => {
    const ann = agent();
    const filter = { node: '^a', service: 'web', tag: 'v1' };
    ann.receivedEvents = [{ ...heard('deploy', 7), filter }];
    ann.reply = async () => ann.receivedEvents[0];
    const server = await serve(ann);

    const fired = await put(server, '/v1/event/fire/deploy?node=%5Ea&service=web&tag=v1');
    expect(fired.json()).toMatchObject({ NodeFilter: '^a', ServiceFilter: 'web', TagFilter: 'v1' });
    expect(ann.commands).toMatchObject([{ kind: 'fireEvent', name: 'deploy', filter }]);
    const [listed] = (await send(server, '/v1/event/list')).json() as Shape[];
    expect(listed).toMatchObject({ Name: 'deploy', NodeFilter: '^a', ServiceFilter: 'web', TagFilter: 'v1' });
    expect(listed?.ID).toBe((fired.json() as Shape).ID);
  });

  test.each([
    ['a tag without a service', 'tag=v1', 'Cannot provide tag filter without service filter'],
    ['half an expression', 'node=(', 'Invalid node filter'],
    ['what RE2 does not have', 'service=(%3F=a)', 'Invalid service filter'],
  ])('12 fire: %s is 400, and nothing is fired', async (_, query, sentence) => {
    const ann = agent();
    const answer = await put(await serve(ann), `/v1/event/fire/deploy?${query}`);
    expect([answer.status, answer.body, ann.commands]).toEqual([400, expect.stringContaining(sentence), []]);
  });

  test('12 list: oldest first, with the id that the fire request returned', async () => {
    const ann = agent();
    ann.receivedEvents = [heard('deploy', 7, 'v1'), heard('other', 8)];
    ann.reply = async () => heard('deploy', 7, 'v1');
    const server = await serve(ann);

    const list = (await send(server, '/v1/event/list')).json() as Shape[];
    const fired = (await put(server, '/v1/event/fire/deploy', 'v1')).json() as Shape;

    expect(list.map(({ Name, LTime }) => [Name, LTime])).toEqual([
      ['deploy', 7],
      ['other', 8],
    ]);
    expect(list[0]?.ID).toBe(fired.ID);
    expect(list[1]?.ID).not.toBe(fired.ID);
  });

  test('12 list: with a name it blocks on events of that name only', async () => {
    const ann = agent();
    ann.touch(['events', 'event:deploy']);
    ann.receivedEvents = [heard('deploy', 7)];
    const server = await serve(ann);
    const first = await send(server, '/v1/event/list?name=deploy');
    expect(first.headers['x-consul-index']).toBe(String(SEED + 1));

    const next = send(server, `/v1/event/list?name=deploy&index=${SEED + 1}&wait=30s`);
    await expect.poll(() => ann.waiting).toBe(1);
    ann.receivedEvents = [...ann.receivedEvents, heard('other', 8)];
    ann.touch(['events', 'event:other']);
    expect(ann.waiting).toBe(1);
    ann.receivedEvents = [...ann.receivedEvents, heard('deploy', 9)];
    ann.touch(['events', 'event:deploy']);

    const answer = await next;
    expect((answer.json() as Shape[]).map(({ LTime }) => LTime)).toEqual([7, 9]);
    expect(answer.headers['x-consul-index']).toBe(String(SEED + 3));
  });
});
