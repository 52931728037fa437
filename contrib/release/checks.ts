/** What must hold of the files of a release: each function says what is wrong, or nothing. */

interface Component {
  readonly name: string;
  readonly version: string;
  readonly licenses: readonly { readonly license: { readonly id: string } }[];
  readonly hashes?: readonly { readonly content: string }[];
}

/** What is read of a bill of materials. */
export interface Bill {
  readonly metadata: { readonly component: { readonly version: string } };
  readonly components: readonly Component[];
}

/** The parts of package.json that decide what an installation does. */
export interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
}

const PERMISSIVE = /^(?:MIT|ISC|BSD-[23]-Clause|Apache-2\.0|0BSD)$/;
/** What npm runs at the machine of who installs a package. */
const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall'];
/** A changelog that nobody reads to its end is none. */
const MAX_CHANGELOG_LINES = 200;

/** The newest section is that of this version, says something, and can be read. */
export function changelogProblem(text: string, version: string): string | undefined {
  const [, heading = '', section = ''] = /^## (.+)\n([\s\S]*?)(?=^## |(?![\s\S]))/m.exec(text) ?? [];
  if (heading !== version) return `CHANGELOG.md begins with "${heading}", not with "${version}"`;
  if (!/^[-*] /m.test(section)) return `CHANGELOG.md says nothing about ${version}`;
  const headings = [...section.matchAll(/^### (.+)$/gm)].map(([, title = '']) => title);
  if (headings.length > 0 && !/^Breaking/.test(headings[0] ?? ''))
    return `CHANGELOG.md: the breaking changes of ${version} must come first`;
  const lines = section.split('\n').length;
  return lines > MAX_CHANGELOG_LINES
    ? `CHANGELOG.md has ${lines} lines about ${version}: move details to the pages that they belong to (${MAX_CHANGELOG_LINES} at most)`
    : undefined;
}

/** One number everywhere. */
export function versionProblem(
  versions: Readonly<Record<string, string>>,
  version: string,
): string | undefined {
  const other = Object.entries(versions).find(([, found]) => found !== version);
  return other === undefined
    ? undefined
    : `${other[0]} has version ${other[1]}, src/base/version.ts ${version}`;
}

/** Each bundled package has a license that asks for its notice, and for no more. */
export function licenseProblem({ components }: Bill): string | undefined {
  if (components.length === 0) return 'the bill of materials is empty: build first';
  const refused = components.filter(
    ({ licenses }) => !licenses.some(({ license }) => PERMISSIVE.test(license.id)),
  );
  return refused.length === 0
    ? undefined
    : `licenses to look at: ${refused.map(({ name, licenses }) => `${name} (${licenses.map(({ license }) => license.id).join() || 'none'})`).join(', ')}`;
}

/** The bill says of each package what can be compared with the registry's, and its notice is shipped. */
export function billProblem(bill: Bill, notices: string, version: string): string | undefined {
  const told = bill.metadata.component.version;
  if (told !== version) return `the bill of materials is of ${told}, not of ${version}: build again`;
  const unhashed = bill.components.filter(({ hashes = [] }) => hashes.length === 0);
  if (unhashed.length > 0) return `without a hash: ${unhashed.map(({ name }) => name).join(', ')}`;
  const unnoticed = bill.components.filter((one) => !notices.includes(`\n${one.name} ${one.version} (`));
  return unnoticed.length === 0
    ? undefined
    : `not in THIRD_PARTY_NOTICES: ${unnoticed.map(({ name }) => name).join(', ')}`;
}

/** Installing adds one package, and runs nothing. */
export function manifestProblem({ dependencies = {}, scripts = {} }: Manifest): string | undefined {
  const needed = Object.keys(dependencies);
  if (needed.length > 0) return `package.json has dependencies: ${needed.join(', ')}`;
  const run = INSTALL_SCRIPTS.filter((name) => scripts[name] !== undefined);
  return run.length === 0 ? undefined : `package.json runs scripts at an installation: ${run.join(', ')}`;
}
