/**
 * @file The runtime's tests on the GPU in a real browser: headless Chromium on its software adapter.
 * `SEQC_CHROMIUM` names another browser than that of `@sparticuz/chromium`, which is for Linux on x64.
 */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import chromium from "@sparticuz/chromium";
import { playwright } from "@vitest/browser-playwright";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Where a test needs another way to files or to a device in a browser, `name.browser.ts` stands in for `name.ts`. */
const standIns: Plugin = {
  name: "stand-ins",
  enforce: "pre",
  async resolveId(id, importer) {
    const resolved = await this.resolve(id, importer, { skipSelf: true });
    const standIn = resolved?.id.replace(/\.ts$/, ".browser.ts");
    return standIn !== undefined && standIn !== resolved?.id && existsSync(standIn) ? standIn : resolved;
  },
};

export default defineConfig({
  plugins: [standIns],
  resolve: { alias: [{ find: /^seqc\/runtime$/, replacement: source("./runtime/index.ts") }] },
  test: {
    // What needs files or processes of Node.js stays there.
    include: ["tests/browser/*.test.ts", "tests/runtime/*.test.ts"],
    exclude: ["tests/runtime/{device,naps,tuner-cache,*-node}.test.ts"],
    globalSetup: ["tests/browser/in-node.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      fileParallelism: false,
      provider: playwright({
        launchOptions: {
          executablePath: process.env.SEQC_CHROMIUM ?? (await chromium.executablePath()),
          args: [
            "--no-sandbox",
            "--enable-unsafe-webgpu",
            "--use-webgpu-adapter=swiftshader",
            "--enable-features=Vulkan",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--disable-quic",
          ],
        },
      }),
      instances: [{ browser: "chromium" }],
    },
  },
});
