/** The agent that runs on a simulated host. */
import { type AgentOptions, createAgent } from '../../agent/agent.ts';
import type { Agent } from '../../agent/contract/machine.ts';
import type { SimHost } from '../world/host.ts';
import { SerfPeer } from './serf-peer.ts';

/** The production agent, or a Serf peer where the host's options ask for one. */
export const createAgentFor = (options: AgentOptions, host: SimHost): Agent =>
  host.options.serfPeer === true ? new SerfPeer(options) : createAgent(options);
