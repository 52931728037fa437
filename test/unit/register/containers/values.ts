/** Containers as an engine describes them, and the options under which they are read. */
import { type Container, parseInspected } from '../../../../src/register/containers/container.ts';
import type { ContainerServicesOptions } from '../../../../src/register/containers/services.ts';

/** What a test says of a container. */
export interface ContainerDraft {
  readonly id?: string;
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly env?: readonly string[];
  /** `80/tcp` to the ports of the host, or to none. */
  readonly ports?: Readonly<Record<string, readonly (readonly [hostIp: string, hostPort: number])[] | null>>;
  readonly networks?: Readonly<Record<string, string>>;
  readonly networkMode?: string;
  readonly state?: Readonly<Record<string, unknown>>;
}

export const ID = 'c0ffee123456'.padEnd(64, '0');

/** The answer to an inspection. */
export const inspection = (draft: ContainerDraft) => ({
  Id: draft.id ?? ID,
  Name: `/${draft.name ?? 'web-1'}`,
  State: { Status: 'running', ExitCode: 0, OOMKilled: false, ...draft.state },
  HostConfig: { NetworkMode: draft.networkMode ?? 'bridge' },
  Config: { Image: 'nginx:1', Labels: draft.labels ?? {}, Env: draft.env ?? [] },
  NetworkSettings: {
    Ports: Object.fromEntries(
      Object.entries(draft.ports ?? {}).map(([port, hosts]) => [
        port,
        hosts?.map(([HostIp, HostPort]) => ({ HostIp, HostPort: String(HostPort) })) ?? null,
      ]),
    ),
    Networks: Object.fromEntries(
      Object.entries(draft.networks ?? {}).map(([name, IPAddress]) => [name, { IPAddress }]),
    ),
  },
});

/** The row of a list. */
export const listed = (draft: ContainerDraft) => ({
  Id: draft.id ?? ID,
  Names: [`/${draft.name ?? 'web-1'}`],
  Labels: draft.labels ?? {},
  State: draft.state?.['Status'] ?? 'running',
  Status: `Up 2 seconds${draft.state?.['Health'] === undefined ? '' : ' (unhealthy)'}`,
  Ports: Object.entries(draft.ports ?? {}),
  NetworkSettings: inspection(draft).NetworkSettings,
});

export const container = (draft: ContainerDraft): Container =>
  parseInspected(JSON.stringify(inspection(draft)), draft.id ?? ID);

export const OPTIONS: ContainerServicesOptions = {
  ...{ engine: 'docker', node: 'b', network: undefined, isLocal: false, allows: () => true },
};

/** Published on all addresses of the host. */
export const PUBLISHED = { '80/tcp': [['0.0.0.0', 32_768]] } as const satisfies ContainerDraft['ports'];
