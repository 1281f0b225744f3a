import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { readText, writeFiles } from "../../src/cli/files.js";
import { nodeHost, packageRoot } from "../../src/cli/host.js";
import { VERSION } from "../../src/version.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "seqc-files-"));
});

describe("writeFiles", () => {
  it("makes the folder and leaves nothing but the files", () => {
    const out = join(folder, "a", "b");
    writeFiles(
      out,
      new Map<string, string | Uint8Array>([
        ["x.ts", "text"],
        ["y.bin", Uint8Array.of(7, 8)],
      ]),
    );
    expect(readdirSync(out).sort()).toEqual(["x.ts", "y.bin"]);
    expect(readFileSync(join(out, "y.bin"))).toEqual(Buffer.from([7, 8]));
  });

  it("keeps the old files where one cannot be written", () => {
    writeFileSync(join(folder, "x.ts"), "old");
    mkdirSync(join(folder, "y.ts"));
    expect(() =>
      writeFiles(
        folder,
        new Map([
          ["x.ts", "new"],
          ["y.ts", "new"],
        ]),
      ),
    ).toThrow(/y\.ts is a folder/);
    expect(readFileSync(join(folder, "x.ts"), "utf8")).toBe("old");
    expect(readdirSync(folder).sort()).toEqual(["x.ts", "y.ts"]);
  });

  it("says why a folder cannot be made", () => {
    writeFileSync(join(folder, "file"), "");
    expect(() => writeFiles(join(folder, "file"), new Map([["x", ""]]))).toThrow(/a file stands where/);
  });
});

describe("readText", () => {
  it("names the file and the reason", () => {
    expect(() => readText(join(folder, "none.seq"))).toThrow(/cannot read .*none\.seq: there is no such file/);
    expect(() => readText(folder)).toThrow(/it is a folder/);
  });
});

it("the version stamped on what is generated is the package's", () => {
  const { version } = JSON.parse(readText(join(packageRoot(), "package.json")));
  expect(VERSION).toBe(version);
});

describe("nodeHost", () => {
  it("follows imports beside a file and in the standard library", () => {
    mkdirSync(join(folder, "cells"));
    mkdirSync(join(folder, "layers"));
    writeFileSync(join(folder, "cells", "leaky.seq"), "leaky text");
    writeFileSync(join(folder, "layers", "affine.seq"), "affine text");
    const host = nodeHost(folder);
    const from = `${folder.replaceAll("\\", "/")}/models/one.seq`;
    expect(host.read(host.resolve(from, "../cells/leaky.seq")!)).toBe("leaky text");
    expect(host.resolve(from, "std/leaky")).toBe("std/leaky");
    expect(host.read("std/affine")).toBe("affine text");
    expect(host.read(host.resolve("std/affine", "./leaky.seq")!)).toBe("leaky text");
    expect(host.resolve(from, "std/nothing")).toBeUndefined();
    expect(host.resolve(from, "leaky.seq")).toBeUndefined();
    expect(host.read(`${from}.none`)).toBeUndefined();
  });
});
