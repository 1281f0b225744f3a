/** @file Breaks a line that is too long where its reader would: as far outside all brackets as there is a place. */

/**
 * The lines of `line`, the later ones indented. A break stands behind a comma, an operator or a sign of definition, where
 * the text plainly goes on; in the second half of the width if there is a place. What has no place stays longer.
 */
export function fold(line: string, width: number): string[] {
  const out: string[] = [];
  let rest = line;
  while (rest.length > width) {
    const at = bestBreak(rest, width);
    if (at === undefined) break;
    out.push(rest.slice(0, at));
    rest = `  ${rest.slice(at + 1)}`;
  }
  return [...out, rest];
}

/** Where a line rather breaks, of places equally deep. */
const looseness = [",", "=~<>", "+-", "*/@"];

/** The offset of the space to break at. */
function bestBreak(line: string, width: number): number | undefined {
  let depth = 0;
  let best: { readonly at: number; readonly rank: number } | undefined;
  for (const { 0: part, index } of line.matchAll(/"[^"]*"|[([{]|[)\]}]|[-+*/@<>=~,] /g)) {
    if (/^[([{]/.test(part)) depth++;
    else if (/^[)\]}]/.test(part)) depth--;
    else if (part.endsWith(" ")) {
      const at = index + 1;
      if (at > width) return best?.at ?? at;
      const rank =
        at > width / 2 ? 4 * depth + looseness.findIndex((signs) => signs.includes(part[0])) : Number.POSITIVE_INFINITY;
      if (best === undefined || rank <= best.rank) best = { at, rank };
    }
  }
  return best?.at;
}
