/**
 * @file The names that PyTorch's modules give to parameters of the same meaning and layout: `nn.RNN`, `nn.LSTM`, `nn.GRU`,
 * `nn.Linear`, `nn.Embedding`, `nn.LayerNorm`. A name, not a cell, decides: a parameter `W_ih` is a `weight_ih` to PyTorch,
 * whatever cell it is of, and whether a module there takes it is for its shape to say.
 */

/** Of recurrent modules, which number their layers: `rnn.0.W_ih` is `rnn.weight_ih_l0`. */
const LAYERED: ReadonlyMap<string, string> = new Map([
  ["W_ih", "weight_ih"],
  ["W_hh", "weight_hh"],
  ["b_ih", "bias_ih"],
  ["b_hh", "bias_hh"],
]);

const PLAIN: ReadonlyMap<string, string> = new Map([
  ["W", "weight"],
  ["b", "bias"],
  ["gain", "weight"],
  ["shift", "bias"],
]);

/**
 * PyTorch's name of each parameter, in the order given; parameters that it has no name for keep theirs.
 * @param names as in the spec: the path of the instance, a dot, the parameter.
 * @throws Error where two parameters would have one name.
 */
export function torchNames(names: readonly string[]): readonly string[] {
  const renamed = names.map(torchName);
  renamed.forEach((name, at) => {
    const other = renamed.indexOf(name);
    if (other !== at) {
      throw new Error(
        `PyTorch would call both \`${names[other]}\` and \`${names[at]}\` \`${name}\`: keep the spec's names`,
      );
    }
  });
  return renamed;
}

/** PyTorch's name of one parameter, or its own. */
export function torchName(name: string): string {
  const path = name.split(".");
  const last = path[path.length - 1];
  const layered = LAYERED.get(last);
  if (layered === undefined) return [...path.slice(0, -1), PLAIN.get(last) ?? last].join(".");
  const above = path.slice(0, -1);
  const isNumbered = /^\d+$/.test(above[above.length - 1] ?? "");
  const layer = isNumbered ? above[above.length - 1] : "0";
  return [...(isNumbered ? above.slice(0, -1) : above), `${layered}_l${layer}`].join(".");
}
