/** Numbers and times for people. */

/** `4 s`, `12 min`, `3 h`, `5 d`. */
export function toAge(millis: number): string {
  const seconds = Math.max(0, Math.floor(millis / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** `14:03:22`, in the time of this browser. */
export const formatClock = (at: number): string => new Date(at).toTimeString().slice(0, 8);

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  if (bytes < 1e6) return `${(bytes / 1000).toFixed(bytes < 1e4 ? 1 : 0)} kB`;
  if (bytes < 1e9) return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

/** `0.42 ms`, `12.3 ms`, `240 ms`. */
export function formatMillis(millis: number): string {
  return `${millis.toFixed(millis < 1 ? 2 : millis < 100 ? 1 : 0)} ms`;
}

/** `1,000`. */
export const toGroups = (count: number): string => count.toLocaleString('en');

/** `1 node`, `2 nodes`. */
export const plural = (count: number, one: string): string =>
  `${toGroups(count)} ${one}${count === 1 ? '' : 's'}`;

export const capitalize = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** With a capital and a full stop. */
export function toSentence(clause: string): string {
  const text = clause.trim();
  if (text === '') return '';
  return `${capitalize(text)}${/[.!?]$/.test(text) ? '' : '.'}`;
}
