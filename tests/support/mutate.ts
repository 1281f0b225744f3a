/** @file Specs with small mistakes. */

/** Removes, doubles, swaps or replaces one to three tokens. */
export function mutate(text: string, random: () => number): string {
  const tokens = text.match(/\/\/.*|"[^"]*"|\w+|\s+|[^\w\s]/g) ?? [];
  const pick = () => Math.floor(random() * tokens.length);
  for (let edits = 1 + Math.floor(3 * random()); edits > 0; edits--) {
    const [i, j, kind] = [pick(), pick(), random()];
    if (kind < 0.25) tokens.splice(i, 1);
    else if (kind < 0.5) tokens.splice(i, 0, tokens[j]);
    else if (kind < 0.6) [tokens[i], tokens[j]] = [tokens[j], tokens[i]];
    else tokens[i] = tokens[j];
  }
  return tokens.join("");
}
