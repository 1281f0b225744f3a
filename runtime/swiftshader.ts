/**
 * @file A software Vulkan for Linux machines without a GPU: SwiftShader as `@sparticuz/chromium` ships it. Node only.
 *
 * The package is optional and never imported, only its archive is read, so that nothing of it runs.
 */

import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { constants, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { brotliDecompressSync } from "node:zlib";

const LOADER = "libvulkan.so.1";
const DRIVER = "vk_swiftshader_icd.json";
const WANTED: ReadonlySet<string> = new Set([LOADER, DRIVER, "libvk_swiftshader.so"]);
const TAR_BLOCK = 512;
/** glibc's RTLD_NODELETE, which Node does not name. */
const RTLD_NODELETE = 0x1000;

export interface SwiftShader {
  /** Path of the Vulkan loader. */
  readonly loader: string;
  /** Path of the description of the driver, for `VK_ICD_FILENAMES`. */
  readonly driver: string;
}

/** The unpacked files (unpacked once a version and user), or undefined where the package is not installed. */
export function findSwiftShader(): SwiftShader | undefined {
  const root = packageRoot();
  if (root === undefined || process.platform !== "linux" || process.arch !== "x64") return undefined;
  const archive = join(root, "bin", "swiftshader.tar.br");
  if (!existsSync(archive)) return undefined;
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  const folder = unpackOnce(archive, version);
  return { loader: join(folder, LOADER), driver: join(folder, DRIVER) };
}

/**
 * Loads a shared library that is no Node add-on, for others in this process to find by name. Node complains that it
 * "did not self-register" and leaves it loaded.
 * @returns whether the library is there.
 */
export function preload(library: string): boolean {
  const flags = constants.dlopen.RTLD_NOW | constants.dlopen.RTLD_GLOBAL | RTLD_NODELETE;
  try {
    process.dlopen({ exports: {} }, library, flags);
    return true;
  } catch (error) {
    return error instanceof Error && error.message.includes("did not self-register");
  }
}

function packageRoot(): string | undefined {
  try {
    return dirname(dirname(dirname(createRequire(import.meta.url).resolve("@sparticuz/chromium"))));
  } catch {
    return undefined;
  }
}

/** Unpacks beside and renames, so that another process never sees half of it. */
function unpackOnce(archive: string, version: string): string {
  const user = process.getuid?.() ?? 0;
  const folder = join(tmpdir(), `seqc-swiftshader-${version}-${user}`);
  if (existsSync(folder)) {
    // The temporary folder is everybody's: code from it is loaded only if this user put it there.
    const { uid, mode } = lstatSync(folder);
    if (uid !== user || (mode & 0o022) !== 0) throw new Error(`${folder} is not this user's own: remove it`);
    return folder;
  }
  const partial = mkdtempSync(`${folder}-`);
  for (const [name, bytes] of readTar(brotliDecompressSync(readFileSync(archive)))) {
    if (!WANTED.has(name)) continue;
    writeFileSync(join(partial, name), bytes);
    chmodSync(join(partial, name), 0o700);
  }
  try {
    renameSync(partial, folder);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

/** The plain files of a tar archive. */
function* readTar(archive: Uint8Array): Generator<[name: string, bytes: Uint8Array]> {
  const text = (start: number, length: number): string =>
    new TextDecoder().decode(archive.subarray(start, start + length)).split("\0", 1)[0];
  for (let at = 0; at + TAR_BLOCK <= archive.length; ) {
    const name = text(at, 100);
    if (name === "") return;
    const size = Number.parseInt(text(at + 124, 12), 8);
    const kind = text(at + 156, 1);
    const start = at + TAR_BLOCK;
    if (kind === "0" || kind === "") yield [name.replace(/^\.\//, ""), archive.subarray(start, start + size)];
    at = start + Math.ceil(size / TAR_BLOCK) * TAR_BLOCK;
  }
}
