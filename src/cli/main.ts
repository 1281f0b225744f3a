#!/usr/bin/env node
/** @file The executable `seqc`. */

import { run } from "./program.js";

process.exitCode = await run(process.argv.slice(2));
