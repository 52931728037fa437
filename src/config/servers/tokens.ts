/** Settings that hold a token. Each has another of the same name with `File` behind it, which overrides it. */
import { validateNewToken, validateNotEmpty } from '../names.ts';
import type { Setting } from '../setting.ts';
import { textSetting } from '../text.ts';

export const HTTP_TOKEN_KEYS = [
  'httpToken',
  'httpReadToken',
  'httpRegisterToken',
  'httpOperatorToken',
] as const;
export type HttpTokenKey = (typeof HTTP_TOKEN_KEYS)[number];

export const TOKEN_KEYS = [...HTTP_TOKEN_KEYS, 'rpcAuth'] as const;
export type TokenKey = (typeof TOKEN_KEYS)[number];
export type TokenFileKey = `${TokenKey}File`;

/** A token as the configuration holds it: from the environment, or the content of its file. */
export const tokenSetting = (doc: string, source?: string): Setting<string | undefined> =>
  textSetting({
    default: undefined,
    defaultText: 'none',
    secret: true,
    reloads: true,
    validate: validateNewToken,
    doc,
    ...(source === undefined ? {} : { source }),
  });

export const tokenFileSetting = (doc: string): Setting<string | undefined> =>
  textSetting({
    default: undefined,
    defaultText: 'none',
    placeholder: 'PATH',
    reloads: true,
    validate: validateNotEmpty,
    doc,
  });
