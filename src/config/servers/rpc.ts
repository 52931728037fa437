/** Settings of Serf's RPC. They belong to the agent section: `--rpc`, `rpc`. */
import { defineSection } from '../setting.ts';
import { ipListenSetting } from '../text.ts';
import { tokenFileSetting, tokenSetting } from './tokens.ts';

/** Source: serf agent, the default of -rpc-addr. */
export const RPC_PORT = 7373;

export const rpcSection = defineSection({
  rpc: ipListenSetting({
    default: 'off',
    port: RPC_PORT,
    doc: "Address that Serf's RPC listens on, for programs written for `serf agent`. Beyond loopback it requires a key, or --insecure.",
    source: 'serf agent -rpc-addr',
  }),
  rpcAuth: tokenSetting('Key that every client of RPC must send; it allows everything.', 'serf rpc_auth'),
  rpcAuthFile: tokenFileSetting('File that holds the key of RPC; overrides HEARSAY_RPC_AUTH.'),
});
