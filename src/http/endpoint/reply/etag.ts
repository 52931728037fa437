/** Entity tags: a client that has a body already is told so, in place of sending it again. */
import { createHash } from 'node:crypto';

/** A hash of the content, as text without quotes. All agents compute the same. */
export const contentHash = (content: string | Buffer): string =>
  createHash('sha256').update(content).digest('base64url').slice(0, 22);

/** Weak, because a body may be sent compressed. */
export const createEtag = (hash: string): string => `W/"${hash}"`;

/** Whether `If-None-Match` names it. Source: RFC 9110 section 13.1.2. */
export const hasEtag = (sent = '', etag = ''): boolean =>
  sent.split(',').some((one) => one.trim() === etag || one.trim() === '*');
