/** `npm run docs`: writes docs/config.md from the schema. It is not a command of hearsay. */
import { writeFile } from 'node:fs/promises';
import { configDocs } from '../config/docs.ts';

await writeFile(new URL('../../docs/config.md', import.meta.url), configDocs());
