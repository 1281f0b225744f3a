/**
 * @file Which channels a thread of a loop has. The channels of a workgroup are of one row of the batch, where threads must
 * meet or nothing is lost by it: all that does not depend on the channel is then the same for all of them.
 */

import { type Count, SPANS } from "../../runtime/manifest.js";
import { BATCH } from "../ir/types.js";
import type { Block } from "./block.js";
import { count } from "./context.js";
import { add, type Expr, GROUP, infix, least, minus, mul, planWord, THREAD, u32 } from "./kernel-ir.js";
import type { LanePlace } from "./lane-body.js";
import { type LanePlan, productOf, tilesOf } from "./lane-plan.js";
import { delinear, linear } from "./scalarize.js";

/** One of a thread's channels. */
export interface ThreadPlace extends LanePlace {
  /** Number of the channel among all of a row. */
  readonly channel: Expr;
  /** Threads past the end compute what the last one does and store nothing; absent where there are none. */
  readonly valid?: Expr;
}

export interface LanePlaces {
  readonly places: readonly ThreadPlace[];
  /** Number of the workgroup among those of one row and one place of the outer slots. */
  readonly tile: Expr;
  /** Number of the thread's span, where the loop is cut into spans. */
  readonly span: Expr;
  readonly groups: readonly Count[];
}

export interface Threads {
  /** Channels a thread. */
  readonly own: number;
  /** Whether threads meet, so that all of a workgroup need one row, and one span. */
  readonly meet: boolean;
  /** Whether every channel has a thread for each span. */
  readonly spanned: boolean;
}

export function placeThreads(block: Block, plan: LanePlan, { own, meet, spanned }: Threads): LanePlaces {
  const { extents, outer, lanes, channels } = plan;
  const along = lanes.map((slot) => extents[slot]);
  const isWhole = productOf(along) % channels === 0;
  if (!meet && own === 1 && !isWhole) return placeDensely(block, plan, spanned);

  const around = outer.map((slot) => extents[slot]);
  const tiles = tilesOf(plan);
  const [span, number] = divided(block, GROUP, spanned && mul(planWord(BATCH), u32(productOf(around) * tiles)));
  const tile = block.let(infix("%", number, u32(tiles)), "tile");
  const group = block.let(infix("/", number, u32(tiles)), "outer");
  const row = block.let(infix("/", group, u32(productOf(around))), "row");
  const outside = delinear(around, block.let(infix("%", group, u32(productOf(around))), "outer"));
  const first = block.let(add(mul(tile, u32(channels)), THREAD), "lane");
  const places = Array.from({ length: own }, (_, i): ThreadPlace => {
    const lane = block.let(add(first, u32((i * channels) / own)), "lane");
    const coordinates: Expr[] = [];
    outer.forEach((slot, o) => {
      coordinates[slot] = block.let(outside[o], "c");
    });
    const within = isWhole ? lane : block.let(least(lane, u32(productOf(along) - 1)), "lane");
    delinear(along, within).forEach((e, l) => {
      coordinates[lanes[l]] = block.let(e, "c");
    });
    const place = { row, coordinates, channel: block.let(linear(extents, coordinates), "place") };
    return isWhole ? place : { ...place, valid: block.let(infix("<", lane, u32(productOf(along))), "valid") };
  });
  return { places, tile, span, groups: [count([BATCH, ...spansOf(spanned), productOf(around) * tiles])] };
}

/** Rows of the batch, and spans, stand side by side in a workgroup. */
function placeDensely(block: Block, { extents, channels }: LanePlan, spanned: boolean): LanePlaces {
  const perRow = productOf(extents);
  const each = mul(planWord(BATCH), u32(perRow));
  const all = spanned ? mul(each, planWord(SPANS)) : each;
  const thread = block.let(add(mul(GROUP, u32(channels)), THREAD), "channel");
  const [span, within] = divided(block, block.let(least(thread, minus(all, u32(1))), "channel"), spanned && each);
  const channel = block.let(infix("%", within, u32(perRow)), "place");
  const place: ThreadPlace = {
    row: block.let(infix("/", within, u32(perRow)), "row"),
    coordinates: delinear(extents, channel).map((e) => block.let(e, "c")),
    channel,
    valid: block.let(infix("<", thread, all), "valid"),
  };
  return { places: [place], tile: u32(0), span, groups: [count([BATCH, ...spansOf(spanned), perRow], channels)] };
}

const spansOf = (spanned: boolean) => (spanned ? [SPANS] : []);

/** The number of the span, and what is left of a number within it. */
function divided(block: Block, all: Expr, each: Expr | false): readonly [span: Expr, within: Expr] {
  if (each === false) return [u32(0), all];
  return [block.let(infix("/", all, each), "span"), block.let(infix("%", all, each), "rest")];
}
