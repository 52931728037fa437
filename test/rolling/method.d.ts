/** Types of method.js. */
import type { MethodDefinition } from '@grpc/grpc-js';

export declare const WHO: MethodDefinition<string, string>;
