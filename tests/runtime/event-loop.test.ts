/** @file Turns for others, by what the host has for it; promises that an abort overtakes. */

import { afterEach, describe, expect, test, vi } from "vitest";
import { nextTask, unlessAborted } from "../../runtime/event-loop.js";

afterEach(() => {
  vi.unstubAllGlobals();
});

async function microtasks(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}

describe("the next task", () => {
  test.each<[host: string, globals: Readonly<Record<string, unknown>>]>([
    ["its own", {}],
    ["a channel", { setImmediate: undefined }],
  ])("comes behind all microtasks: %s", async (_, globals) => {
    for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value);
    let there = false;
    const next = nextTask().then(() => {
      there = true;
    });
    await microtasks(100);
    expect(there).toBe(false);
    await next;
    expect(there).toBe(true);
  });
});

describe("a promise unless aborted", () => {
  test("gives what it gives, and leaves nothing at the signal", async () => {
    const { signal } = new AbortController();
    const [add, remove] = [vi.spyOn(signal, "addEventListener"), vi.spyOn(signal, "removeEventListener")];
    expect(await unlessAborted(Promise.resolve(3), signal)).toBe(3);
    await expect(unlessAborted(Promise.reject(new Error("no")), signal)).rejects.toThrow("no");
    await microtasks(5);
    expect(add).toHaveBeenCalledTimes(2);
    expect(remove).toHaveBeenCalledTimes(2);
    expect(await unlessAborted(Promise.resolve(4), undefined)).toBe(4);
  });

  test("rejects with the reason, before or while it waits", async () => {
    const controller = new AbortController();
    const waiting = unlessAborted(new Promise(() => {}), controller.signal);
    controller.abort("enough");
    await expect(waiting).rejects.toBe("enough");
    await expect(unlessAborted(new Promise(() => {}), controller.signal)).rejects.toBe("enough");
  });
});
