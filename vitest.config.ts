import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    // Generated modules import the runtime by the package's name; tests run against the sources, not dist.
    alias: [
      { find: /^seqc\/runtime$/, replacement: source("./runtime/index.ts") },
      { find: /^seqc\/data$/, replacement: source("./runtime/data/index.ts") },
      { find: /^seqc\/runtime\/node$/, replacement: source("./runtime/node.ts") },
    ],
  },
  test: {
    include: ["tests/**/*.test.ts"],
    // What needs a browser: vitest.browser.config.ts.
    exclude: ["tests/browser/**"],
    // Colours come on where the variable CI is set, in this process and in those that tests start.
    env: { NO_COLOR: "1" },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A process a file: the native WebGPU library keeps state per process, so GPU tests share nothing.
    pool: "forks",
    maxWorkers: 2,
  },
});
