/** @file Branded primitives: an id of one kind cannot be passed for an id of another. */

declare const brand: unique symbol;

export type Branded<T, Name extends string> = T & { readonly [brand]: Name };
