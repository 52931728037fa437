/**
 * `/ui/`: the dashboard, as static files. They hold nothing of the cluster and need no token: the dashboard reads the same API
 * as everybody else, with the token that its user gives it.
 */
import { AgentError } from '../../base/errors.ts';
import { hasEtag } from '../endpoint/reply/etag.ts';
import { HttpReply, textReply } from '../endpoint/reply/reply.ts';
import { UI_INDEX } from '../endpoint/reply/ui-files.ts';
import { type HttpRequest, type Route, route } from '../endpoint/route.ts';

/** `GET /`: load balancers probe it, and browsers are led to the dashboard. Source: T11 (docs/consul.md). */
export const banner = route({
  method: 'GET',
  scope: 'public',
  path: '/',
  summary: 'A banner; browsers are sent to the dashboard',
  handler: ({ header, site }) => {
    const vary = { Vary: 'Accept, Accept-Encoding' };
    if (site.ui !== undefined && acceptsHtml(header('accept') ?? ''))
      return textReply(302, '', { ...vary, Location: '/ui/' });
    return textReply(200, 'hearsay agent', vary);
  },
});

/** Browsers name HTML; programs accept anything. */
const acceptsHtml = (accept: string): boolean => /(?:^|,)\s*text\/html\s*(?:[;,]|$)/i.test(accept);

export const dashboardRoot = route({
  method: 'GET',
  scope: 'public',
  path: '/ui',
  summary: 'Leads to the dashboard',
  handler: () => textReply(301, '', { Location: '/ui/' }),
});

/** `GET /ui/…`: a file by its name, and for all other paths the page, which shows what the path names. */
export const dashboard: Route = {
  method: 'GET',
  scope: 'public',
  path: '/ui/:path...',
  legacyGetWrite: false,
  description: { summary: 'The dashboard', query: [] },
  handle: ({ params, header, site }: HttpRequest): HttpReply => {
    if (site.ui === undefined)
      throw new AgentError('notFound', 'The dashboard is off: start the agent without --ui off');
    const files = site.ui();
    const file = files?.get(params['path'] ?? '') ?? files?.get(UI_INDEX);
    if (file === undefined)
      throw new AgentError('notFound', 'The dashboard was not built: run `npm run build`, then restart');
    return hasEtag(header('if-none-match'), file.headers['ETag'])
      ? new HttpReply(304, '', file.headers)
      : file;
  },
};
