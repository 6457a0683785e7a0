export { runCommandLine } from "./command-line.ts";
export { EXIT } from "./exit-codes.ts";
export { programOf } from "./program.ts";
export type { Terminal } from "./terminal/terminal.ts";
