/**
 * Properties run with the same inputs each time, so that a change is judged by itself and not by its luck. `npm run properties` tries
 * other inputs, and prints the seed that repeats what it finds.
 */
import * as fc from 'fast-check';

/** For generators of a test's own. */
export const PROPERTY_SEED = Number(process.env['HEARSAY_PROPERTY_SEED'] ?? 1);

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: PROPERTY_SEED });
