/** @file A model that states no loss predicts, and says why it does neither train nor evaluate. */

import { expect, test } from "vitest";
import { Model } from "../../runtime/model.js";
import { compileText } from "../support/compiled.js";
import { testDevice } from "../support/device.js";

test("a model without a loss predicts, and refuses the rest with a reason", async () => {
  const { manifest } = compileText(
    "model Double(D = 3) { input x: [D] param w: f32 ~ uniform(2, 2) output y = w * x }",
  );
  const model = await Model.create(await testDevice(), manifest);
  const batch = { x: Float32Array.of(1, 2, 3) };
  expect(await model.predict(batch, { batch: 1 })).toEqual({ y: Float32Array.of(2, 4, 6) });
  await expect(model.trainer({ batch: 1 })).rejects.toThrow("Double has no train program: its spec states no loss");
  await expect(model.evaluate(batch, { batch: 1 })).rejects.toThrow("its spec states no loss");
  model.destroy();
});
