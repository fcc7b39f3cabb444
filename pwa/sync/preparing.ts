/** Has pictures prepared in a worker of their own, one after the other; on the page where a browser cannot do it elsewhere. */
import type { PictureAnswer, PictureRequest } from "../pictures/pictures.ts";
import { PictureError, type PreparedPicture, type PrepareOptions } from "./types.ts";
import { trustedUrl } from "./worker_registration.ts";

let last: Promise<unknown> = Promise.resolve();

/** @throws PictureError */
export function preparePicture(file: Blob, options: PrepareOptions): Promise<PreparedPicture> {
  const turn = last.then(async () => {
    const answer = await prepareOne({ file, options });
    if ("reason" in answer) throw new PictureError(answer.reason);
    return answer.prepared;
  });
  last = turn.catch(() => undefined);
  return turn;
}

async function prepareOne(request: PictureRequest): Promise<PictureAnswer> {
  const { address, prepare } = await import("../pictures/pictures.ts");
  if (typeof OffscreenCanvas === "undefined") return prepare(request);
  const worker = new Worker(trustedUrl(address), { type: "module" });
  try {
    return await new Promise<PictureAnswer>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<PictureAnswer>) => resolve(data);
      worker.onerror = reject;
      worker.postMessage(request);
    });
  } catch {
    return await prepare(request); // no worker of this kind here
  } finally {
    worker.terminate(); // and with it whatever memory the picture took
  }
}
