/** @file The state of training in a file is taken whole or refused with what is wrong. */

import { expect, test } from "vitest";
import { checkTrainingState, type TrainingState } from "../../runtime/training-state.js";

const state: TrainingState = {
  optimizer: "adamw",
  step: 12,
  updates: 6,
  done: 5,
  lossScale: { value: 1024, good: 3 },
  outcomes: [{ step: 11, lossScale: 1024, verdict: 0 }],
  rolledBack: 0,
  waiting: 1,
  faults: { loss: false, overflow: true },
};

test("a sound state is taken as it is", () => {
  expect(checkTrainingState(JSON.stringify(state))).toEqual(state);
});

test.each(Object.keys(state))("without `%s` it is refused, or with something else in its place", (name) => {
  const { [name as keyof TrainingState]: _, ...rest } = state;
  for (const damaged of [rest, ...[null, -1, 0.5, [1], { value: 0 }].map((value) => ({ ...state, [name]: value }))]) {
    expect(() => checkTrainingState(JSON.stringify(damaged))).toThrow(`\`${name}\``);
  }
});

test.each(["", "[]", "null", "{", '"text"'])("%j is none", (text) => {
  expect(() => checkTrainingState(text)).toThrow("no JSON object");
});
