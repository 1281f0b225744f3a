/** @file Reading Chevrotain's concrete syntax tree, where anything may be missing after a mistake. */

import type { CstNode, IToken } from "chevrotain";

/** The first child node with this label. */
export function child(node: CstNode | undefined, label: string): CstNode | undefined {
  return children(node, label)[0];
}

export function children(node: CstNode | undefined, label: string): CstNode[] {
  return (node?.children[label] ?? []).filter((element): element is CstNode => "children" in element);
}

/** The first token with this label that stands in the text; one that recovery imagined does not count. */
export function token(node: CstNode | undefined, label: string): IToken | undefined {
  return tokens(node, label)[0];
}

export function tokens(node: CstNode | undefined, label: string): IToken[] {
  return (node?.children[label] ?? []).filter(
    (element): element is IToken => "image" in element && !element.isInsertedInRecovery,
  );
}
