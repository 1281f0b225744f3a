/** @file The compiler's version, stamped on what it generates; a test keeps it equal to package.json's. */

export const VERSION = "0.1.0";
