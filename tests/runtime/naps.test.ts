import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import { Naps } from "../../runtime/naps-node.js";
import { requestNodeDevice } from "../../runtime/node.js";
import { awaited, provideWaitingHost } from "../../runtime/waiting.js";

/** Turns of the event loop while another asks for answers in each of them, as Dawn does. */
async function turnsOf(milliseconds: number): Promise<number> {
  let turns = 0;
  let asking = true;
  const ask = () => {
    turns++;
    if (asking) setImmediate(ask);
  };
  setImmediate(ask);
  await sleep(milliseconds);
  asking = false;
  return turns;
}

describe("naps while a device is awaited", () => {
  it("slow the event loop down, and end with the last answer", async () => {
    const naps = new Naps();
    naps.begin();
    naps.begin();
    naps.end();
    const napping = await turnsOf(100);
    naps.end();
    // Half a millisecond at most, the first of them shorter.
    expect(napping).toBeLessThan(1000);
    await sleep(0);
    await sleep(0);
    expect(process.getActiveResourcesInfo()).not.toContain("Immediate");
  });

  it("are as many however often answers come between two of them", async () => {
    const turns = vi.spyOn(globalThis, "setImmediate");
    const naps = new Naps();
    for (let answer = 0; answer < 5; answer++) {
      naps.begin();
      naps.end();
    }
    naps.begin();
    expect(turns).toHaveBeenCalledTimes(1);
    naps.end();
    await sleep(5);
    expect(turns).toHaveBeenCalledTimes(1);
    turns.mockRestore();
  });

  it("are told of every answer, also of one that is an error", async () => {
    const { device } = await requestNodeDevice();
    const told: string[] = [];
    provideWaitingHost(device, { begin: () => told.push("begin"), end: () => told.push("end") });
    await expect(awaited(device, Promise.resolve(3))).resolves.toBe(3);
    await expect(awaited(device, Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(told).toEqual(["begin", "end", "begin", "end"]);
    device.destroy();
  });
});
