/** @file SEQ2xxx: a name that means nothing here, or two things at once. */

import type { Family } from "./entry.js";

export const names = {
  SEQ2001: {
    title: "unknown name",
    explanation:
      "Nothing of this name is declared in this block, given by the language, or named in an import. The order of " +
      "statements means nothing, so the definition may stand anywhere in the block.",
  },
  SEQ2002: {
    title: "name defined twice",
    explanation: "A name stands for one value in its block: assignment is single. Choose a second name.",
  },
  SEQ2003: {
    title: "unknown function",
    explanation:
      "What is called is neither a function of the language, an `fn`, nor an instance made by `use`. A layer or cell is " +
      "first instantiated: `use head = Linear(H, V)`, then `head(x)`.",
  },
  SEQ2004: {
    title: "unknown declaration",
    explanation: "`use` names a cell or layer of this file or of an import. There is none of this name.",
  },
  SEQ2005: {
    title: "unknown member of a path",
    explanation: "The instance or record in front of the dot has no parameter, instance or state of this name.",
  },
  SEQ2006: {
    title: "import not found",
    explanation:
      'The file of an import is looked up beside the importing file, `"./lstm.seq"`, or among those that ship with the ' +
      'compiler, `"std/lstm"`.',
  },
  SEQ2007: {
    title: "name that the import does not declare",
    explanation: "The imported file has no declaration of this name.",
  },
  SEQ2008: {
    title: "index named like a value or size",
    explanation:
      "An index is local to its statement and may not have the name of a value or size in scope, so that `x[n]` can " +
      "only be read one way.",
  },
  SEQ2009: {
    title: "index bound twice",
    explanation:
      "Every index of a statement is bound in one place: on the left side or by one reduction around its use.",
  },
  SEQ2010: {
    title: "wrong number of arguments",
    explanation: "The function, layer, cell or declaration takes another number of arguments.",
  },
  SEQ2011: {
    title: "unknown argument name",
    explanation: "An argument given by name has to name a parameter of what is called.",
  },
  SEQ2012: {
    title: "argument given twice",
    explanation: "A parameter gets one argument, by position or by name.",
  },
  SEQ2013: {
    title: "parameter without a value",
    explanation:
      "Every parameter of a declaration has its value at compile time: a default, an argument of `use`, or `--set H=256` " +
      "on the command line for the root.",
  },
  SEQ2014: {
    title: "declaration that contains itself",
    explanation: "A layer, cell or fn may not use itself, directly or through others: there is no recursion.",
  },
  SEQ2015: {
    title: "imports in a circle",
    explanation: "A file may not import itself through others.",
  },
  SEQ2016: {
    title: "statement in the wrong kind of block",
    explanation:
      "`state` and `context` belong to cells, `target`, `loss` and `metric` to models. The reference lists where each " +
      "statement may stand.",
  },
  SEQ2017: {
    title: "name of the language redefined",
    explanation: "The functions and constants of the language, such as `tanh` or `pi`, keep their meaning everywhere.",
  },
  SEQ2018: {
    title: "value never used",
    explanation:
      "The value reaches no output, loss, metric or state. It costs nothing, but is often a slip of the pen.",
  },
  SEQ2019: {
    title: "value used as something it is not",
    explanation:
      "A cell, layer, function, record or size stands where a value is wanted, or the other way round: for example a " +
      "name that is called but holds numbers.",
  },
  SEQ2020: {
    title: "model without output and loss",
    explanation: "A block gives something: an `output`, or in a model at least a `loss`.",
  },
} as const satisfies Family<2>;
