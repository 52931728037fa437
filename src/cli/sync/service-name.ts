/** What services can be called. The agent has no instances of another name, and that would empty what follows it. */

export const isServiceName = (name: string): boolean => /^[\w.-]{1,128}$/.test(name);

export const SERVICE_NAME_RULE = 'use 1 to 128 letters, digits, ".", "_" or "-"';

/** What the event stream takes; whoever follows more services follows all of them. */
export const MAX_FOLLOWED = 256;
