/** @file Checkpoints in a browser: two slots, of which what is not whole is passed over. */

import { beforeEach, expect, test } from "vitest";
import { BrowserCheckpointStore } from "../../runtime/checkpoint-store.js";

const name = "a run";
const bytesOf = (value: number) => new Uint8Array(1000).fill(value);

beforeEach(() => new BrowserCheckpointStore(name).clear());

/** Changes what lies under a key, as a crash or a faulty disk would. */
async function damage(key: string, change: (slot: { bytes: Uint8Array }) => unknown): Promise<void> {
  const request = indexedDB.open("seqc-checkpoints", 1);
  const database = await new Promise<IDBDatabase>((resolve) => {
    request.onsuccess = () => resolve(request.result);
  });
  const transaction = database.transaction("slots", "readwrite");
  const found = transaction.objectStore("slots").get(key);
  found.onsuccess = () => transaction.objectStore("slots").put(change(found.result), key);
  await new Promise<void>((resolve) => {
    transaction.oncomplete = () => resolve();
  });
  database.close();
}

test("gives the last one that was saved, from any store of that name", async () => {
  expect(await new BrowserCheckpointStore(name).load()).toBeUndefined();
  const store = new BrowserCheckpointStore(name);
  const saves = [1, 2, 3, 4, 5].map((value) => store.save(bytesOf(value)));
  await Promise.all(saves);
  expect(await new BrowserCheckpointStore(name).load()).toEqual(bytesOf(5));
  expect(await new BrowserCheckpointStore("another run").load()).toBeUndefined();
});

test("what changes after the call is not saved", async () => {
  const store = new BrowserCheckpointStore(name);
  const bytes = bytesOf(1);
  const saved = store.save(bytes);
  bytes.fill(9);
  await saved;
  expect(await store.load()).toEqual(bytesOf(1));
});

test.each<[string, (slot: { bytes: Uint8Array }) => unknown]>([
  ["a changed byte", (slot) => ({ ...slot, bytes: slot.bytes.with(500, 77) })],
  ["missing bytes", (slot) => ({ ...slot, bytes: slot.bytes.slice(0, 10) })],
  ["something else", () => "not a slot"],
])("with %s in the newest slot, the one before is given, and the next save replaces the damaged", async (_, change) => {
  const store = new BrowserCheckpointStore(name);
  // The first save goes to slot 1, the second to slot 0.
  await store.save(bytesOf(1));
  await store.save(bytesOf(2));
  expect(await store.load()).toEqual(bytesOf(2));
  await damage(`${name}/0`, change);
  expect(await store.load()).toEqual(bytesOf(1));
  await store.save(bytesOf(3));
  expect(await store.load()).toEqual(bytesOf(3));
  await damage(`${name}/0`, change);
  expect(await store.load()).toEqual(bytesOf(1));
});
