/**
 * Performs what the uploading reducer decides, one request after the other. It has a lock of its own: photos never hold up records
 * (26), and records never wait for photos.
 */
import { NO_UPLOADS, readPart, stepUploads, type SteppedUploads } from "../store/uploads.ts";
import type { WorkDatabase } from "../store/databases.ts";
import { newJitter } from "./ids.ts";
import type { Instant } from "./types.ts";
import type { LandedPart, Network, SendUpload, UploadAction, UploadInput } from "./uploading.ts";

export interface UploadEnvironment {
  readonly work: WorkDatabase;
  readonly send: (sent: SendUpload, bytes?: ArrayBuffer) => Promise<LandedPart>;
  readonly now: () => Instant;
  readonly network: () => Network;
  /** Called after each durable step. */
  readonly changed: (stepped: SteppedUploads) => void;
  /** Whether to stop after the request under way. */
  readonly isOver?: () => boolean;
}

const LOST: LandedPart = { kind: "lost", status: 0, error: "", upload: null, offset_bytes: null, retry_after_ms: 0 };

/** A sender of its own. Its result sends until nothing may go now, and resolves to when to try again; null: when something new happens. */
export function newUploader({ work, send, now, network, changed, isOver }: UploadEnvironment): (is_forced: boolean) => Promise<Instant | null> {
  let own = NO_UPLOADS;

  const step = async (given: UploadInput): Promise<readonly UploadAction<unknown>[]> => {
    const stepped = await stepUploads(work, own, given);
    own = stepped.own;
    changed(stepped);
    return stepped.actions;
  };

  return async (is_forced) => {
    if (own.flight) own = NO_UPLOADS; // what became of that request was never stored
    let actions = await step({ type: "wake", now: now(), network: network(), is_forced });
    for (let sent = findSent(actions); sent && !isOver?.(); sent = findSent(actions)) {
      const bytes = sent.method === "part" ? await readPart(work, sent) : undefined;
      const landed = bytes || sent.method !== "part" ? await send(sent, bytes) : LOST;
      actions = await step({ type: "landed", request: sent.request, now: now(), network: network(), jitter: newJitter(), ...landed });
    }
    return actions.find((action) => action.type === "wait")?.at ?? null;
  };
}

function findSent(actions: readonly UploadAction<unknown>[]): SendUpload | undefined {
  return actions.find((action) => action.type === "send");
}
