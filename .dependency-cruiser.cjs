/** The import rule of ARCHITECTURE.md: one direction through the stages, and a runtime that knows no compiler. */

/** Files of `folder` may import, of this repository, only themselves and what matches `allowed`. */
const only = (folder, allowed, comment) => ({
  name: `${folder.replaceAll("/", "-")}-imports`,
  comment,
  severity: "error",
  from: { path: `^${folder}/` },
  to: { path: "^(src|runtime|tests|bench|scripts)/", pathNot: [`^${folder}/`, ...allowed] },
});

const SUPPORT = "^src/support/";
const DIAGNOSTICS = "^src/diagnostics/";
const IR = "^src/ir/";
const GENERATOR = "^runtime/random\\.ts$";
const MANIFEST = "^runtime/manifest\\.ts$";

module.exports = {
  forbidden: [
    {
      name: "no-cycles",
      comment: "at run time; a type may look back",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "resolvable",
      comment: "every import leads to a file or an installed package",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    only("src/support", [], "support imports nothing"),
    only("src/diagnostics", [SUPPORT]),
    only("src/parser", [SUPPORT, DIAGNOSTICS]),
    only("src/check", [SUPPORT, DIAGNOSTICS, "^src/parser/ast\\.ts$"], "the checker sees the AST, never the grammar"),
    only("src/ir", [SUPPORT, GENERATOR], "one generator draws initial values and masks"),
    only("src/lower", [SUPPORT, IR, "^src/check/", DIAGNOSTICS]),
    only("src/passes", [SUPPORT, IR], "passes never see syntax"),
    only(
      "src/explain",
      [
        SUPPORT,
        IR,
        "^src/passes/",
        "^src/lower/lower\\.ts$",
        "^src/check/(typed|reads)\\.ts$",
        "^src/codegen/",
        "^runtime/(manifest|arena)\\.ts$",
      ],
      "the derivative and the schedule that are shown are those that are compiled",
    ),
    only(
      "src/codegen",
      [SUPPORT, IR, MANIFEST, "^src/passes/(loop|constant|tails)\\.ts$", "^src/passes/recurrence/"],
      "the manifest is the contract with the runtime; which loops are cut into spans is what the recurrence analysis proves",
    ),
    only(
      "src/self-test",
      [SUPPORT, IR, MANIFEST, "^src/codegen/program\\.ts$", "^runtime/self-test-rule\\.ts$"],
      "what a device is tested on is made by one rule, here and in the runtime",
    ),
    only("runtime", [], "the runtime never parses or compiles"),
    {
      name: "data-runs-anywhere",
      comment: "seqc/data works on bytes, in a browser too, and needs no library",
      severity: "error",
      from: { path: "^runtime/data/" },
      to: { dependencyTypes: ["core", "npm", "npm-dev", "npm-optional"] },
    },
    {
      name: "cst-stays-inside",
      comment: "only the parser knows its tokens and its concrete syntax tree",
      severity: "error",
      from: { pathNot: "^src/parser/" },
      to: { path: "^src/parser/|(^|/)node_modules/@?chevrotain", pathNot: "^src/parser/(ast|parse|format)\\.ts$" },
    },
    {
      name: "faces-last",
      comment: "nothing of the compiler imports its command line",
      severity: "error",
      from: { path: "^(src|runtime)/", pathNot: "^src/cli/" },
      to: { path: "^src/cli/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default", "types"] },
  },
};
