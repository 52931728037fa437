/** Settings of the containers that are registered by their labels. They belong to the agent section. */
import { encodeUtf8 } from '../base/bytes.ts';
import { validateNotEmpty, validateServicePattern } from './names.ts';
import { defineSection } from './setting.ts';
import { choiceSetting, listSetting, textSetting } from './text.ts';

/** The path of a socket has at most this many bytes. Source: unix(7), sun_path. */
const MAX_SOCKET_PATH = 107;

/** Throws `Error` with a clause. */
function validateEngine(engine: string): void {
  if (engine === 'docker' || engine === 'podman') return;
  const path = engine.startsWith('unix:') ? engine.slice('unix:'.length) : '';
  if (!path.startsWith('/')) throw new Error(`"${engine}" must be docker, podman or unix:/PATH`);
  if (encodeUtf8(path).length > MAX_SOCKET_PATH)
    throw new Error(`"${engine}": the path of a socket has at most ${MAX_SOCKET_PATH} bytes`);
}

export const containersSection = defineSection({
  containers: listSetting({
    placeholder: 'docker|podman|unix:PATH',
    validate: validateEngine,
    doc: 'Container engine whose containers are registered as their labels say (`hearsay.name=web`; `hearsay help containers` lists all). Docker and Podman by their usual sockets, or the path of one. Reading is all that is done there.',
  }),
  containersNetwork: textSetting({
    default: undefined,
    defaultText: 'none: the ports that are published on this host',
    placeholder: 'NAME',
    validate: validateNotEmpty,
    doc: 'Network of the engine on which containers are reached from other hosts: they are registered with their own address there, and with their own ports. Their checks need the network in checkAllow.',
  }),
  containersSelect: choiceSetting({
    values: ['label', 'all'],
    default: 'label',
    doc: 'Which containers are registered: label takes those with a label hearsay.enable=true, hearsay.name or hearsay.SERVICE.port; all takes every one that publishes a port and does not say hearsay.enable=false.',
  }),
  containersAllow: listSetting({
    placeholder: 'PATTERN',
    validate: validateServicePattern,
    doc: 'Name of a service that containers may take, `prefix*` or `*`; without it, any. Others are refused.',
  }),
});
