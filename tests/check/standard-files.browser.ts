/** @file The standard library's texts, which are part of the page. */

/// <reference types="vite/client" />

const texts = import.meta.glob<string>("../../specs/{cells,layers,models}/*.seq", {
  query: "?raw",
  import: "default",
  eager: true,
});

export function standardFile(name: string): string | undefined {
  const path = Object.keys(texts).find((each) => each.endsWith(`/${name}.seq`));
  return path === undefined ? undefined : texts[path];
}
