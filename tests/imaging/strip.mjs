// What the phone sends of originals: node strip.mjs FORMAT FROM TO ...; a file TO is not written where no picture is found.
import { readFile, writeFile } from "node:fs/promises";
import { stripHeic } from "../../pwa/pictures/heic.ts";
import { JPEG, PNG, strip, WEBP } from "../../pwa/pictures/pieces.ts";

const strips = {
  JPEG: (bytes) => strip(bytes, JPEG).sent,
  PNG: (bytes) => strip(bytes, PNG).sent,
  WEBP: (bytes) => strip(bytes, WEBP).sent,
  HEIC: stripHeic,
};
for (let at = 2; at < process.argv.length; at += 3) {
  const [format, from, to] = process.argv.slice(at);
  const sent = strips[format](new Uint8Array(await readFile(from)));
  if (sent) await writeFile(to, new Uint8Array(await sent.arrayBuffer()));
}
