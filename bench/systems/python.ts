/**
 * @file PyTorch and JAX in a Python process of their own, a process a session, driven by lines of JSON
 * (`bench/python/serve.py`). The interpreter is $SEQC_PYTHON or python3.
 */

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { ModelName } from "../cases.js";
import { OPTIMIZER } from "../workload.js";
import type { Figures, System, SystemName } from "./system.js";

const FOLDER = fileURLToPath(new URL("../python/", import.meta.url));

/** A request that takes longer ends the process. */
const PATIENCE_MS = 300_000;

/** torch's own layers. */
export const torch = python("torch", "torch_layers", ["lstm", "gru", "rnn", "char-lm", "attention"]);
/** The equations typed in, with a Python loop over time. */
export const torchLoop = python("torch-loop", "torch_loops");
/** `lax.scan` under `jit`. */
export const jax = python("jax", "jax_scans");

function python(name: SystemName, framework: string, models?: readonly ModelName[]): System {
  return {
    name,
    refuses: ({ model }) => (models?.includes(model) === false ? `${name} has no such layer` : undefined),
    async open({ case: { model }, parameters, batch }) {
      const child = new Child();
      try {
        const encoded = { parameters: parameters.map(encode), batch: batch.map(encode) };
        const { adapter } = await child.ask({ op: "open", framework, model, optimizer: OPTIMIZER, ...encoded });
        return {
          adapter: String(adapter),
          run: async (steps) => Number((await child.ask({ op: "run", steps })).loss),
          async parameters() {
            const { values } = await child.ask({ op: "parameters" });
            return (values as string[]).map(decode);
          },
          figures: async () => (await child.ask({ op: "figures" })) as Figures,
          close: () => child.end(),
        };
      } catch (error) {
        await child.end();
        throw error;
      }
    },
  };
}

function encode<D extends { readonly values: Float32Array | Int32Array }>(data: D): Omit<D, "values"> & object {
  const { buffer, byteOffset, byteLength } = data.values;
  return { ...data, values: Buffer.from(buffer, byteOffset, byteLength).toString("base64") };
}

/** The copy is aligned, as a Float32Array has to be. */
function decode(base64: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(base64, "base64")).buffer);
}

class Child {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: AsyncIterator<string>;
  readonly #gone: Promise<never>;

  constructor() {
    const interpreter = process.env.SEQC_PYTHON ?? "python3";
    this.#process = spawn(interpreter, ["serve.py"], { cwd: FOLDER, stdio: ["pipe", "pipe", "inherit"] });
    this.#answers = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
    this.#gone = once(this.#process, "exit").then(
      ([code, signal]) => {
        throw new Error(`${interpreter} ended with ${String(code ?? signal)}`);
      },
      (error: Error) => {
        throw new Error(`no Python: ${error.message}`);
      },
    );
    this.#gone.catch(() => {});
    // Writing to a process that has ended is reported by its exit.
    this.#process.stdin.on("error", () => {});
  }

  /** @throws Error with the reason that Python gives. */
  async ask(request: object): Promise<Record<string, unknown>> {
    this.#process.stdin.write(`${JSON.stringify(request)}\n`);
    const timer = setTimeout(() => this.#process.kill(), PATIENCE_MS);
    try {
      const { value, done } = await Promise.race([this.#answers.next(), this.#gone]);
      if (done) return await this.#gone;
      const answer = JSON.parse(value) as Record<string, unknown>;
      if (answer.error !== undefined) throw new Error(String(answer.error));
      return answer;
    } finally {
      clearTimeout(timer);
    }
  }

  async end(): Promise<void> {
    this.#process.stdin.end();
    await this.#gone.catch(() => {});
  }
}
