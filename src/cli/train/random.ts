/** @file The generator of windows and samples, which is that of all data. */

export { Random } from "../../../runtime/data/random.js";
