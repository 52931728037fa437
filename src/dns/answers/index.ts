/** Every type of record we can answer with: each a function from question to records, empty if it is not its turn. */
import type { Item } from '../message/records.ts';
import type { Ask } from '../zone/zone.ts';
import { address } from './address.ts';
import { ns } from './ns.ts';
import { ptr } from './ptr.ts';
import { soa } from './soa.ts';
import { srv } from './srv.ts';
import { txt } from './txt.ts';

export const ANSWERS: readonly ((ask: Ask) => Item[])[] = [address, srv, txt, soa, ns, ptr];
