/** @file The machine's limits are no fault of seqc. */

import { expect, test, vi } from "vitest";
import { DeviceError } from "../../runtime/errors.js";
import { EXIT } from "../../src/cli/exit.js";
import { explain } from "../../src/cli/program.js";

test.each([
  [new DeviceError("the arena needs a buffer of 9 bytes, and this device allows 4: lower _B"), EXIT.usage],
  [new Error("invalid WGSL"), EXIT.internal],
])("%s", (error, code) => {
  const said = vi.spyOn(console, "error").mockImplementation(() => undefined);
  expect(explain(error, false)).toBe(code);
  expect(said.mock.calls.flat().join("\n").includes("fault of seqc")).toBe(code === EXIT.internal);
  said.mockRestore();
});
