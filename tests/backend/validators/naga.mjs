// Parses and validates WGSL files with naga: naga.mjs FOLDER_OF_NODE_MODULES FILE...
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, ...files] = process.argv.slice(2);
const resolve = createRequire(`${folder}/package.json`).resolve;
let entry;
try {
  entry = resolve("naga-wasm");
} catch {
  entry = `${folder}/node_modules/naga-wasm/dist/node.js`; // for ES modules only
}
const { parseWgsl, validate } = await import(pathToFileURL(entry).href);
let wrong = 0;
for (const file of files) {
  try {
    validate(parseWgsl(readFileSync(file, "utf8")));
  } catch (error) {
    ++wrong;
    console.log(`${file}: ${(error.formatted ?? String(error)).slice(0, 4000)}`);
  }
}
console.log(`naga: ${files.length} files, ${wrong} wrong`);
process.exit(wrong > 0 || files.length === 0 ? 1 : 0);
