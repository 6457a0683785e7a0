#!/usr/bin/env node
// What npm links as `tollhouse`: there before anything is built, and readable by a Node that is too old for the rest.
import { existsSync } from "node:fs";

const [major, minor] = process.versions.node.split(".").map(Number);
const program = new URL("../dist/main.js", import.meta.url);

function refuse(why) {
  process.stderr.write(`tollhouse: ${why}\n`);
  process.exit(1);
}

if (major < 22 || (major === 22 && minor < 12)) refuse(`Node 22.12 or newer is needed, and this is ${process.version}`);
if (!existsSync(program)) refuse("not built yet: run `npm run build` in the clone once");
await import(program.href);
