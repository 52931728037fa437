/** Services by address, for reverse lookups only. Rebuilt at the first one after a change of the catalog. */
import type { Topic, View } from '../../agent/contract/view.ts';
import { parseIp } from '../../base/address.ts';
import { toIpKey } from '../message/records.ts';
import { isLabel } from './names.ts';

/** This topic also changes when an instance gets another address. */
const SERVICES: readonly Topic[] = ['services'];

export class ServicesByAddress {
  readonly #view: View;
  #builtAt = -1;
  readonly #names = new Map<string, string[]>();

  constructor(view: View) {
    this.#view = view;
  }

  /**
   * Names of the services at an address of 4 or 16 bytes, sorted and distinct, whatever the state of their instances.
   */
  findByAddress(ip: Uint8Array): readonly string[] {
    this.#refresh();
    return this.#names.get(toIpKey(ip)) ?? [];
  }

  #refresh(): void {
    const index = this.#view.indexOf(SERVICES);
    if (index === this.#builtAt) return;
    this.#builtAt = index;
    this.#names.clear();
    // A service whose name is not a DNS label cannot be queried, so no PTR may point to it.
    for (const name of this.#view.catalog.services().keys()) if (isLabel(name)) this.#add(name);
  }

  #add(name: string): void {
    for (const { service } of this.#view.catalog.instances(name)) {
      const ip = parseIp(service.address);
      if (ip === undefined) continue;
      const key = toIpKey(ip);
      const names = this.#names.get(key);
      if (names === undefined) this.#names.set(key, [name]);
      else if (names.at(-1) !== name) names.push(name);
    }
  }
}
