/** Planted bugs that clients of Serf's RPC would meet, wanted and unwanted ones. */
import type { Mutant } from '../mutant.ts';

export const rpcMutants: readonly Mutant[] = [
  {
    id: 'rpc-scope-unchecked',
    file: 'rpc/server/session.ts',
    find: 'if (refusal !== undefined) return refusal;',
    replace: '',
    description: 'Every account of the host may stop the agent and change its gossip keys.',
    expectedTests: ['unit/rpc/server.test.ts'],
  },
  {
    id: 'rpc-slow-reader-buffered',
    file: 'rpc/server/connection.ts',
    find: 'if (isOver || this.#unreadRecords > limits.maxUnread) {',
    replace: 'if (isOver) {',
    description: 'The records of a client that does not read are buffered without end.',
    expectedTests: ['unit/rpc/server.test.ts'],
  },
  {
    id: 'rpc-half-request-kept',
    file: 'rpc/server/connection.ts',
    find: 'this.#header !== undefined ||',
    replace: '',
    description: 'A client that sends half a request holds its connection for ever.',
    expectedTests: ['unit/rpc/server.test.ts'],
  },
  {
    id: 'rpc-streams-outlive-client',
    file: 'rpc/server/connection.ts',
    find: 'clearTimeout(this.#timer); this.streams.closeAll();',
    replace: 'clearTimeout(this.#timer);',
    description: 'The streams and queries of clients that have gone are followed for ever.',
    expectedTests: ['unit/rpc/commands.test.ts'],
  },
  {
    id: 'rpc-failure-without-body',
    file: 'rpc/server/session.ts',
    find: 'return { error: error.message, body: command.failureBody };',
    replace: 'return { error: error.message };',
    description: "Serf's own client waits for ever for the body of an error.",
    expectedTests: ['unit/rpc/commands.test.ts'],
  },
  {
    id: 'rpc-values-unlimited',
    file: 'rpc/protocol/scanner.ts',
    find: 'if (this.#values > MAX_VALUES)',
    replace: 'if (this.#values < 0)',
    description: 'A client may declare four billion values, which are awaited and buffered.',
    expectedTests: ['unit/rpc/protocol.test.ts'],
  },
];
