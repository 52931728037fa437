/** Which services have an address: for reverse questions only. Rebuilt when one is asked and the catalogue has changed. */
import type { Topic, View } from '../../agent/contract/view.ts';
import { parseIp } from '../../base/address.ts';
import { toIpKey } from '../message/records.ts';
import { isLabel } from './names.ts';

/** Touched also when an instance gets another address. */
const SERVICES: readonly Topic[] = ['services'];

export class ServicesByAddress {
  readonly #view: View;
  #builtAt = -1;
  readonly #names = new Map<string, string[]>();

  constructor(view: View) {
    this.#view = view;
  }

  /** By name, each once, whatever the state of its instances; 4 or 16 octets. */
  findByAddress(ip: Uint8Array): readonly string[] {
    this.#refresh();
    return this.#names.get(toIpKey(ip)) ?? [];
  }

  #refresh(): void {
    const index = this.#view.indexOf(SERVICES);
    if (index === this.#builtAt) return;
    this.#builtAt = index;
    this.#names.clear();
    for (const name of this.#view.catalog.services().keys()) if (isLabel(name)) this.#add(name);
  }

  /** A name that is no label is none that could be asked for: it is left out. */
  #add(name: string): void {
    for (const { service } of this.#view.catalog.instances(name)) {
      const ip = parseIp(service.address);
      if (ip === undefined) continue;
      const key = toIpKey(ip);
      const held = this.#names.get(key);
      if (held === undefined) this.#names.set(key, [name]);
      else if (held.at(-1) !== name) held.push(name);
    }
  }
}
