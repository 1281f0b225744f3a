/** @file Muon's part of an update: the matrices, with memory for their products that is made once. */

import type { Destroyable, ModelCore } from "./core.js";
import { createBuffer } from "./live-objects.js";
import { checkBufferSize } from "./memory.js";
import * as texts from "./muon-kernels.js";
import type { Muon } from "./optimizer.js";
import { type Run, runTable } from "./parameter-settings.js";
import { OwnKernel, type Recorded } from "./shader.js";
import { countOf } from "./shapes.js";
import type { Shape } from "./update-kernels.js";

/** What an update hands on to it. */
export interface MuonBuffers {
  readonly step: GPUBuffer;
  readonly gradients: GPUBufferBinding;
  readonly progress: GPUBuffer;
  readonly state: GPUBuffer;
}

interface Matrix {
  readonly first: number;
  readonly columns: number;
  readonly m: number;
  readonly n: number;
  /** Of its X and its A in the buffers of all. */
  readonly x: number;
  readonly a: number;
  readonly firstRun: number;
  readonly endRun: number;
  readonly scale: number;
}

const MOST_GROUPS = 16384;

export class MuonPart implements Destroyable {
  /** @param runs of the matrices, those of each together. */
  static async create(
    core: ModelCore,
    { nesterov }: Muon,
    shape: Shape,
    runs: readonly Run[],
    given: MuonBuffers,
  ): Promise<MuonPart> {
    const { device, manifest, params } = core;
    const matrices = matricesOf(core, runs);
    const numbers = new Map(matrices.map((matrix, i) => [matrix.first, i]));
    const numberOf = ({ parameter }: Run) => numbers.get(manifest.parameters[parameter].offset) ?? 0;
    const [square, wide] = [tilesOf(matrices, "m"), tilesOf(matrices, "n")];
    const { gram, polynomial, apply } = texts.PRODUCTS;
    const [direction, normalise, finish, ...products] = await Promise.all([
      OwnKernel.create(device, texts.directionText(shape, nesterov)),
      OwnKernel.create(device, texts.normaliseText()),
      OwnKernel.create(device, texts.finishText(shape)),
      ...[gram, polynomial, apply].map((product) => OwnKernel.create(device, texts.productText(product))),
    ]);
    const last = matrices[matrices.length - 1];
    const [xBytes, aBytes] = [4 * (last.x + last.m * last.n), 4 * (last.a + last.m * last.m)];
    for (const bytes of [xBytes, aBytes]) {
      checkBufferSize(
        device,
        bytes,
        `Muon for ${manifest.name}`,
        () => "give large parameters to AdamW (`adamw.parameters`)",
      );
    }
    return core.guard.creating(`Muon for ${manifest.name}`, () => {
      const buffers: GPUBuffer[] = [];
      const storage = (label: string, size: number, data?: ArrayBuffer) => {
        const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
        const buffer = createBuffer(device, { label, size, usage });
        buffers.push(buffer);
        if (data !== undefined) device.queue.writeBuffer(buffer, 0, data);
        return buffer;
      };
      const table = (label: string, data: ArrayBuffer) => storage(label, data.byteLength, data);
      const common = {
        runs: table("matrix runs", runTable(runs.map((run) => ({ ...run, parameter: numberOf(run) })))),
        matrices: table("matrices", matrixTable(matrices)),
      };
      const tiles = { square: table("tiles", square), wide: table("tiles", wide) };
      const [x, next] = [storage("X", xBytes), storage("X", xBytes)];
      const [a, b] = [storage("A", aBytes), storage("B", aBytes)];
      const squares = storage("squares", 4 * runs.length);
      const groupsOf = (count: number) => Math.min(MOST_GROUPS, count);
      const byRun = groupsOf(runs.length);
      const [bySquare, byWide] = [square, wide].map((each) => groupsOf(each.byteLength / TILE_BYTES));
      const { step, progress } = given;
      const [gramOf, polynomialOf, applyOf] = products;
      const { matrices: all } = common;
      const dispatches: (readonly [Recorded, number])[] = [
        [direction.over({ ...common, ...given, x, squares }), byRun],
        [normalise.over({ ...common, squares, x }), byRun],
      ];
      const polynomialStep = polynomialOf.over({ matrices: all, tiles: tiles.square, left: a, right: a, out: b });
      const turn = (from: GPUBuffer, to: GPUBuffer) =>
        [
          [gramOf.over({ matrices: all, tiles: tiles.square, left: from, right: from, out: a }), bySquare],
          [polynomialStep, bySquare],
          [applyOf.over({ matrices: all, tiles: tiles.wide, left: b, right: from, out: to }), byWide],
        ] as const;
      const turns = [turn(x, next), turn(next, x)];
      for (let i = 0; i < texts.STEPS; i++) dispatches.push(...turns[i % 2]);
      const done = texts.STEPS % 2 === 0 ? x : next;
      dispatches.push([finish.over({ ...common, step, progress, x: done, params }), byRun]);
      return new MuonPart(dispatches, buffers);
    });
  }

  private constructor(
    private readonly recorded: readonly (readonly [Recorded, number])[],
    private readonly buffers: readonly GPUBuffer[],
  ) {}

  get dispatches(): number {
    return this.recorded.length;
  }

  /** Behind the kernel that says whether there is an update. */
  encode(pass: GPUComputePassEncoder): void {
    for (const [dispatch, workgroups] of this.recorded) dispatch(pass, workgroups);
  }

  destroy(): void {
    for (const buffer of this.buffers) buffer.destroy();
  }
}

/** The parameters of the runs, as matrices: axes but the last are one. */
function matricesOf({ manifest }: ModelCore, runs: readonly Run[]): readonly Matrix[] {
  const matrices: Matrix[] = [];
  let [x, a] = [0, 0];
  for (const parameter of new Set(runs.map((run) => run.parameter))) {
    const { offset, shape } = manifest.parameters[parameter];
    const columns = shape[shape.length - 1];
    const rows = countOf(shape.slice(0, -1));
    const [m, n] = [Math.min(rows, columns), Math.max(rows, columns)];
    const own = runs.flatMap((run, i) => (run.parameter === parameter ? [i] : []));
    const scale = Math.sqrt(Math.max(1, rows / columns));
    matrices.push({ first: offset, columns, m, n, x, a, firstRun: own[0], endRun: own[own.length - 1] + 1, scale });
    x += m * n;
    a += m * m;
  }
  return matrices;
}

function matrixTable(matrices: readonly Matrix[]): ArrayBuffer {
  const table = new DataView(new ArrayBuffer(4 * texts.MATRIX_WORDS * matrices.length));
  matrices.forEach(({ first, columns, m, n, x, a, firstRun, endRun, scale }, i) => {
    const words = [first, columns, m, n, x, a, firstRun, endRun];
    const at = 4 * texts.MATRIX_WORDS * i;
    for (const [k, word] of words.entries()) table.setUint32(at + 4 * k, word, true);
    table.setFloat32(at + 4 * words.length, scale, true);
  });
  return table.buffer;
}

const TILE_BYTES = 12;

/** The tiles of results with m rows and so many columns, of all matrices. */
function tilesOf(matrices: readonly Matrix[], columns: "m" | "n"): ArrayBuffer {
  const words = matrices.flatMap((matrix, number) => {
    const starts = (extent: number) => Array.from({ length: Math.ceil(extent / texts.TILE) }, (_, i) => i * texts.TILE);
    return starts(matrix.m).flatMap((row) => starts(matrix[columns]).flatMap((column) => [number, row, column]));
  });
  return Uint32Array.from(words).buffer;
}
