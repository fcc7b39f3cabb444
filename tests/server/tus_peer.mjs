// Somebody else's tus client, unmodified: node tus_peer.mjs '{"scenario": …}'. Prints one line of JSON: what happened.

import { createReadStream, statSync } from "node:fs";
import * as tus from "tus-js-client";

const asked = JSON.parse(process.argv[2]);
const requests = [];
const size = statSync(asked.path).size;

/** An upload of the file; `more` are options of tus-js-client. */
function upload(more, { stopAt = Infinity } = {}) {
  return new Promise((resolve, reject) => {
    const options = {
      endpoint: `${asked.url}/uploads`,
      headers: { cookie: asked.cookie, "sec-fetch-site": "same-origin" },
      metadata: { photo_id: asked.photo_id },
      uploadSize: size,
      retryDelays: [0, 100, 300, 1000, 1000, 1000, 1000, 1000],
      onAfterResponse: (request, response) => {
        requests.push([request.getMethod(), response.getStatus()]);
      },
      onSuccess: () => resolve(each),
      onError: reject,
      onProgress: (sent) => {
        if (sent >= stopAt && sent < size) each.abort().then(() => resolve(each), reject);
      },
      ...more,
    };
    const each = new tus.Upload(createReadStream(asked.path), options);
    each.start();
  });
}

const scenarios = {
  whole: () => upload({ chunkSize: size + 1 }),
  chunks: () => upload({ chunkSize: 100_000 }),
  async pause_and_resume() {
    const paused = await upload({ chunkSize: 262_144 }, { stopAt: size / 2 });
    const before = requests.filter(([method]) => method === "PATCH").length;
    const rest = await upload({ chunkSize: 262_144, uploadUrl: paused.url });
    return Object.assign(rest, { patches_before: before });
  },
  async abort() {
    const paused = await upload({ chunkSize: 262_144 }, { stopAt: size / 2 });
    await tus.Upload.terminate(paused.url, { ...paused.options });
    return paused;
  },
  // The peer goes on by itself, with its own retries, while the server is killed and started again.
  stubborn: () => upload({ chunkSize: 50_000 }),
};

try {
  const done = await scenarios[asked.scenario]();
  console.log(JSON.stringify({ url: done.url, requests, patches_before: done.patches_before ?? 0 }));
} catch (error) {
  console.log(JSON.stringify({ error: String(error.message), requests }));
}
