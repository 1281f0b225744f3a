/** @file Where the choices of the tuner are kept from run to run. In Node.js: `tuner-cache-node.ts`. */

import type { Lengths } from "./arena.js";
import type { CompiledProgram } from "./program.js";
import { passesOf, variantsOf } from "./variants.js";

/** Asynchronous, like whatever holds it. What it loses is measured again. */
export interface TuningCache {
  /** The number of the kernel of each dispatch, then that of the spans of loops, as it was set under that key. */
  get(key: string): Promise<readonly number[] | undefined>;
  set(key: string, value: readonly number[]): Promise<void>;
}

const caches = new WeakMap<GPUDevice, TuningCache>();

/** What tuning on a device uses unless an option says otherwise: the host's cache, or else memory. */
export function tuningCacheOf(device: GPUDevice): TuningCache {
  const known = caches.get(device);
  if (known !== undefined) return known;
  const cache = typeof indexedDB === "undefined" ? new Map<string, readonly number[]>() : undefined;
  return provideTuningCache(device, cache === undefined ? new BrowserTuningCache() : inMemory(cache));
}

/** For the module that makes the device and knows its host. */
export function provideTuningCache(device: GPUDevice, cache: TuningCache): TuningCache {
  caches.set(device, cache);
  return cache;
}

/** Names the adapter, the program with its kernels, and the sizes: the choice depends on all of them. */
export async function tuningKey({ program, kernels }: CompiledProgram, sizes: Lengths): Promise<string> {
  const { vendor, architecture, device: model, description } = kernels.device.adapterInfo;
  const { wgsl, kernels: all } = kernels.manifest;
  const passes = program.dispatches.flatMap(variantsOf).flatMap(passesOf);
  const texts = passes.map(({ kernel }) => all[kernel]);
  const text = new TextEncoder().encode(JSON.stringify([wgsl, texts, program.dispatches]));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
  const hex = Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return JSON.stringify([[vendor, architecture, model, description], hex, sizes]);
}

function inMemory(values: Map<string, readonly number[]>): TuningCache {
  return {
    get: async (key) => values.get(key),
    set: async (key, value) => {
      values.set(key, value);
    },
  };
}

const STORE = "choices";

/** IndexedDB. Where the browser refuses it, as private windows may, nothing is kept. */
class BrowserTuningCache implements TuningCache {
  #database: Promise<IDBDatabase> | undefined;

  async get(key: string): Promise<readonly number[] | undefined> {
    return this.#request("readonly", (store) => store.get(key)).catch(() => undefined);
  }

  async set(key: string, value: readonly number[]): Promise<void> {
    await this.#request("readwrite", (store) => store.put([...value], key)).catch(() => {});
  }

  async #request<T>(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    this.#database ??= openDatabase();
    const database = await this.#database;
    return settled(ask(database.transaction(STORE, mode).objectStore(STORE)));
  }
}

function openDatabase(): Promise<IDBDatabase> {
  const request = indexedDB.open("seqc-tuning", 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE);
  return settled(request);
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
