/**
 * Which bytes of which photo go out next, and what an answer to them means: the twin of `sync/uploading.py`, held to it by golden
 * steps.
 *
 * Pure. Records never wait for photos (invariant 26): this state is apart from the outbox. A photo goes once the receipt of its
 * `photo.add` is there; one that keeps failing goes behind the others; none is ever dropped (3), and none is called stored before the
 * server says so (5). Nobody can tell a server that is away from one that stumbles over this very photo, so all take turns, one request
 * after each wait; the first that gets further brings the old order back.
 */
import type { Trouble as DeviceTrouble } from "./device.ts";
import { backOff, isTooEarly, pauseOf, retryDelayMs, waitOf, WAIT_CAP_MS } from "./sending.ts";
import type { Id, Instant, PhotoFile, PhotoPolicy } from "./types.ts";

/** Bytes of one request, and of one piece in the device's store. */
export const PART_BYTES = 256 * 1024;
/** Down to this on a line so slow that larger parts stall, and while the server cannot store. */
export const MIN_PART_BYTES = 16 * 1024;
/** Failures in a row after which a photo goes behind the others, again and again. */
const PATIENCE = 3;
/** Times the server may say that it does not know an acknowledged photo before a person is asked. */
const UNKNOWN_LIMIT = 8;
/** What of 4xx says nothing about the photo: try again by timer. */
const LATER: readonly number[] = [403, 408, 421, 425, 429];
/** The server speaks another tus than this app does. */
const TOO_OLD: readonly number[] = [412, 415];

export type Network = "wifi" | "metered" | "unknown";
export type Trouble = DeviceTrouble | "store_away";

/** One of the two files of a photo. `upload`: the server's name for its upload; `offset_bytes`: what has arrived. */
export interface Upload {
  readonly size_bytes: number;
  readonly upload: string | null;
  readonly offset_bytes: number;
  readonly is_stored: boolean;
}

/** A photo whose bytes this device holds; the store's record has more fields. */
export interface Uploaded {
  readonly id: Id;
  /** Of its `photo.add`; null while there is no receipt. */
  readonly outcome: string | null;
  readonly thumb: Upload | null;
  readonly picture: Upload;
  /** The most that has ever arrived of its files together: more is progress, the same bytes once more are none. */
  readonly best_bytes?: number;
  /** Failures since the last progress, whoever's fault. */
  readonly tries: number;
  /** Those of them that concern this photo alone. */
  readonly setbacks?: number;
  readonly retry_at: Instant | null;
  readonly reason: string | null;
  /** Only a person helps; `reason` says why. */
  readonly is_stuck: boolean;
  readonly is_urgent: boolean;
  readonly is_removed: boolean;
  /** Its bytes were sent anew, for the hash was wrong. */
  readonly is_reread: boolean;
}

interface Request {
  readonly request: number;
  readonly photo_id: Id;
  readonly file: PhotoFile;
  readonly method: "create" | "part" | "ask";
  readonly upload: string | null;
}

/** The sender's own part of the state; it may be lost. */
export interface OwnUploads {
  readonly requests: number;
  readonly flight: Request | null;
  readonly part_bytes: number;
  readonly failures: number;
  readonly retry_at: Instant | null;
  readonly trouble: Trouble | null;
}

/** `photos` oldest first. */
export interface Uploads<P extends Uploaded = Uploaded> extends OwnUploads {
  readonly photos: readonly P[];
  readonly policy: PhotoPolicy;
}

export interface WakeUploads { readonly type: "wake"; readonly now: Instant; readonly network: Network; readonly is_forced: boolean }
export interface LandedPart {
  readonly kind: "answer" | "unreachable" | "not_ours" | "stalled" | "lost";
  readonly status: number;
  readonly error: string;
  readonly upload: string | null;
  readonly offset_bytes: number | null;
  readonly retry_after_ms: number;
}
export interface LandedUpload extends LandedPart {
  readonly type: "landed";
  readonly request: number;
  readonly now: Instant;
  readonly network: Network;
  /** 0 to 999, random. */
  readonly jitter: number;
}
export type UploadInput = WakeUploads | LandedUpload;

export interface SendUpload extends Request { readonly type: "send"; readonly offset_bytes: number; readonly size_bytes: number }
export type UploadAction<P> =
  | { readonly type: "put"; readonly photo: P }
  | SendUpload
  | { readonly type: "wait"; readonly at: Instant };

export const NO_UPLOADS: OwnUploads = { requests: 0, flight: null, part_bytes: PART_BYTES, failures: 0, retry_at: null, trouble: null };

/** A photo whose failures are over. */
export const UNTRIED = { tries: 0, setbacks: 0, retry_at: null, reason: null };

type Changed = { -readonly [K in keyof Uploads]: Uploads[K] };

/** One step. The state passed in is not changed; records keep what else they hold. */
export function uploadingStep<P extends Uploaded>(before: Uploads<P>, given: UploadInput): readonly [Uploads<P>, readonly UploadAction<P>[]] {
  const state: Changed = { ...before };
  const actions: UploadAction<Uploaded>[] = [];

  const put = (photo: Uploaded): void => {
    state.photos = state.photos.map((one) => (one.id === photo.id ? photo : one));
    actions.push({ type: "put", photo });
  };

  const send = ({ now, network }: Pick<LandedUpload, "now" | "network">): void => {
    const photos = sendable(state, network);
    const due = photos.filter((photo) => !isTooEarly(photo.retry_at, now));
    if (due.length) return sendOf(due.reduce((first, photo) => (turnOf(photo) < turnOf(first) ? photo : first)));
    const waits = photos.flatMap((photo) => photo.retry_at ?? []);
    if (waits.length) actions.push({ type: "wait", at: Math.min(...waits) });
  };
  const sendOf = (photo: Uploaded): void => {
    const file = nextFile(photo);
    const { upload, offset_bytes, size_bytes } = photo[file]!;
    const is_part = upload !== null && offset_bytes < size_bytes;
    const method = upload === null ? "create" : is_part ? "part" : "ask";
    const part_bytes = Math.min(state.part_bytes, PART_BYTES - (offset_bytes % PART_BYTES), size_bytes - offset_bytes);
    state.flight = { request: ++state.requests, photo_id: photo.id, file, method, upload };
    state.retry_at = null;
    actions.push({ type: "send", ...state.flight, offset_bytes, size_bytes: is_part ? part_bytes : size_bytes });
  };

  const landed = (given: LandedUpload, photo: Uploaded, { file: name, method }: Request, file: Upload): void => {
    const { now, kind, status, error, upload, offset_bytes, retry_after_ms, jitter } = given;
    const is_create = method === "create";
    const withFile = (changes: Partial<Upload>): Uploaded => ({ ...photo, [name]: { ...file, ...changes } });

    /** Written, and on with the next. */
    const goOn = (changes: Partial<Uploaded>): void => {
      put({ ...photo, ...changes });
      send(given);
    };
    /** More of the file is there than was known. Where it is more than ever, whatever went wrong is over. */
    const moved = (changes: Partial<Upload>): void => {
      const after = withFile(changes);
      const arrived = after.picture.offset_bytes + (after.thumb?.offset_bytes ?? 0);
      state.trouble = null;
      state.part_bytes = Math.min(state.part_bytes * 2, PART_BYTES);
      const best_bytes = Math.max(arrived, photo.best_bytes ?? 0);
      if (best_bytes === photo.best_bytes && !changes.is_stored) return goOn(after);
      state.failures = 0;
      // What went wrong with the others while it went wrong with this one, give or take a turn, was not their fault.
      const shared = photo.tries && photo.tries + PATIENCE;
      for (const one of state.photos) if (shared && one.tries && one.id !== photo.id) put({ ...one, tries: Math.max(0, one.tries - shared) });
      goOn({ ...after, ...UNTRIED, best_bytes });
    };
    /** Nothing goes for a while, and after some failures not this photo first. */
    const failed = (trouble: Trouble, reason: string): void => {
      put({ ...photo, tries: photo.tries + 1, reason });
      state.trouble = trouble;
      actions.push(backOff(state, given));
    };
    /** Again, at once the first time, then later each time; the others go on meanwhile. */
    const setback = (changes: Partial<Uploaded>): void => {
      const setbacks = (photo.setbacks ?? 0) + 1;
      const retry_at = setbacks === 1 ? null : now + retryDelayMs(setbacks, retry_after_ms, jitter, WAIT_CAP_MS);
      goOn({ ...changes, tries: photo.tries + 1, setbacks, retry_at, reason: error });
    };
    const stick = (reason: string, changes?: Partial<Uploaded>): void => goOn({ ...changes, is_stuck: true, reason });

    if (kind === "lost") return stick(kind);
    if (kind === "stalled") {
      state.part_bytes = Math.max(state.part_bytes >> 1, MIN_PART_BYTES);
      return failed("unreachable", kind);
    }
    if (kind !== "answer") return failed(kind, kind); // something between us and the server may take offence at these very bytes
    if (error === "already_stored") return moved({ offset_bytes: file.size_bytes, is_stored: true });
    const is_well = status < 300;
    if (is_well && is_create && upload !== null) {
      state.trouble = null; // not a byte has arrived: how long to wait if the next does not either stays
      return goOn(withFile({ upload, offset_bytes: 0 }));
    }
    if (!is_create && offset_bytes !== null && offset_bytes >= 0 && offset_bytes <= file.size_bytes && (is_well || status === 409)) {
      const is_stored = is_well && offset_bytes === file.size_bytes;
      const changes = { offset_bytes, is_stored };
      return is_stored || offset_bytes > file.offset_bytes ? moved(changes) : setback(withFile(changes));
    }
    if (is_well) return failed("not_ours", "not_ours");
    const pause = pauseOf(error) ?? (status === 401 ? "sign_in" : TOO_OLD.includes(status) ? "upgrade" : null);
    if (pause) state.trouble = pause;
    else if (status >= 500 || LATER.includes(status)) {
      // The server cannot just now. Short parts until it can: what it does not take was sent in vain.
      state.part_bytes = MIN_PART_BYTES;
      failed(error === "storage_unavailable" ? "store_away" : "server", error);
    } else if (status === 460) setback({}); // damaged on its way
    else if (status === 404 && is_create) {
      if (photo.outcome !== "parked" && (photo.setbacks ?? 0) + 1 >= UNKNOWN_LIMIT) stick(error);
      else setback({});
    } else {
      const anew = withFile({ upload: null, offset_bytes: 0 });
      // The upload has expired, or another sender's took its place.
      if ([404, 409, 410].includes(status)) setback(anew);
      else if (name === "thumb") goOn({ thumb: null }); // the server can make one of the picture
      else if (status === 422 && !photo.is_reread) setback({ ...anew, is_reread: true });
      else stick(error, anew);
    }
  };

  if (given.type === "wake") {
    const waits = waitOf(state, given);
    if (waits) actions.push(...waits);
    else send(given);
  } else if (state.flight?.request === given.request) {
    const { flight } = state;
    const photo = state.photos.find((one) => one.id === flight.photo_id);
    const file = photo?.[flight.file];
    state.flight = null;
    if (photo && file && !file.is_stored && (flight.method === "create" || file.upload === flight.upload)) landed(given, photo, flight, file);
    else send(given); // forgotten by a person, or another sender has gone further: what came says nothing any more
  }
  return [state, actions] as unknown as readonly [Uploads<P>, readonly UploadAction<P>[]];
}

/** Whether the server is still to get bytes of it, be it stuck: what "n photos waiting" counts. */
export function isOwed({ outcome, picture, is_removed }: Uploaded): boolean {
  return outcome !== null && outcome !== "refused" && !picture.is_stored && !is_removed;
}

/** Whether it waits for Wi-Fi. Where the device cannot tell the network, a person decides. */
export function isHeld({ is_urgent }: Uploaded, policy: PhotoPolicy, network: Network): boolean {
  return policy === "wifi" && network !== "wifi" && !is_urgent;
}

/** What goes by itself over this network, now or after a wait. */
export function sendable({ photos, policy }: Pick<Uploads, "photos" | "policy">, network: Network): readonly Uploaded[] {
  return photos.filter((photo) => isOwed(photo) && !photo.is_stuck && !isHeld(photo, policy, network));
}

/** The least goes first; of equals the oldest. */
function turnOf(photo: Uploaded): number {
  return Math.floor(photo.tries / PATIENCE) * 4 + (photo.is_urgent ? 0 : 2) + Number(nextFile(photo) === "picture");
}

function nextFile({ thumb }: Uploaded): PhotoFile {
  return thumb === null || thumb.is_stored ? "picture" : "thumb";
}
