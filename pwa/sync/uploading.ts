/**
 * Which bytes of which photo go out next, and what an answer to them means: the twin of `sync/uploading.py`, held to it by golden
 * steps.
 *
 * Pure. Records never wait for photos (invariant 26): this state is apart from the outbox. A photo goes once the receipt of its
 * `photo.add` is there; one that keeps failing goes behind the others; none is ever dropped (3), and none is called stored before the
 * server says so (5).
 */
import type { Trouble as DeviceTrouble } from "./device.ts";
import { isTooEarly, PAUSE_OF, PAUSES, retryDelayMs, WAIT_CAP_MS } from "./sending.ts";
import type { Id, Instant, PhotoFile, PhotoPolicy } from "./types.ts";

/** Bytes of one request, and of one piece in the device's store. */
export const PART_BYTES = 256 * 1024;
/** Down to this on a line so slow that larger parts stall, and while the server cannot store. */
export const MIN_PART_BYTES = 16 * 1024;
/** Failures in a row after which a photo goes behind the others. */
const PATIENCE = 3;
/** Times the server may say that it does not know an acknowledged photo before a person is asked. */
const UNKNOWN_LIMIT = 8;
/** What of 4xx says nothing about the photo: try again by timer. */
const LATER: readonly number[] = [403, 408, 421, 425, 429];

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
  /** Failures since the last progress. */
  readonly tries: number;
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
export interface Urge { readonly type: "urge"; readonly ids: readonly Id[] | null }
export type UploadInput = WakeUploads | LandedUpload | Urge;

export interface SendUpload extends Request { readonly type: "send"; readonly offset_bytes: number; readonly size_bytes: number }
export type UploadAction<P> =
  | { readonly type: "put"; readonly photo: P }
  | SendUpload
  | { readonly type: "wait"; readonly at: Instant };

export const NO_UPLOADS: OwnUploads = { requests: 0, flight: null, part_bytes: PART_BYTES, failures: 0, retry_at: null, trouble: null };

type State = Uploads;
type Step = readonly [State, readonly UploadAction<Uploaded>[]];
type Given = Pick<LandedUpload, "now" | "network">;

/** One step. The state passed in is not changed. */
export function uploadingStep<P extends Uploaded>(state: Uploads<P>, given: UploadInput): readonly [Uploads<P>, readonly UploadAction<P>[]] {
  const after = given.type === "wake" ? wake(state, given) : given.type === "landed" ? landed(state, given) : urge(state, given);
  return after as unknown as readonly [Uploads<P>, readonly UploadAction<P>[]]; // records keep what else they hold
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
export function sendable({ photos, policy }: Pick<State, "photos" | "policy">, network: Network): readonly Uploaded[] {
  return photos.filter((photo) => isOwed(photo) && !photo.is_stuck && !isHeld(photo, policy, network));
}

// --- what goes next

function wake(state: State, given: WakeUploads): Step {
  if (state.flight !== null) return [state, []];
  if (!given.is_forced) {
    if (PAUSES.has(state.trouble)) return [state, []];
    if (isTooEarly(state.retry_at, given.now)) return [state, [{ type: "wait", at: state.retry_at }]];
  }
  return send(state, given);
}

function send(state: State, { now, network }: Given): Step {
  const photos = sendable(state, network);
  const due = photos.filter((photo) => !isTooEarly(photo.retry_at, now));
  const waits = photos.flatMap((photo) => photo.retry_at ?? []);
  if (due.length === 0) return [state, waits.length === 0 ? [] : [{ type: "wait", at: Math.min(...waits) }]];
  return sendOf(state, due.reduce((first, photo) => (turnOf(photo) < turnOf(first) ? photo : first)));
}

/** The least goes first; of equals the oldest. */
function turnOf(photo: Uploaded): number {
  return Math.floor(photo.tries / PATIENCE) * 2 + Number(nextFile(photo) === "picture") - (photo.is_urgent ? 1e9 : 0);
}

function nextFile({ thumb }: Uploaded): PhotoFile {
  return thumb === null || thumb.is_stored ? "picture" : "thumb";
}

function sendOf(state: State, photo: Uploaded): Step {
  const file = nextFile(photo);
  const { upload, offset_bytes, size_bytes } = photo[file]!;
  const is_part = upload !== null && offset_bytes < size_bytes;
  const method = upload === null ? "create" : is_part ? "part" : "ask";
  const request = state.requests + 1;
  const flight: Request = { request, photo_id: photo.id, file, method, upload };
  const part_bytes = Math.min(state.part_bytes, PART_BYTES - (offset_bytes % PART_BYTES), size_bytes - offset_bytes);
  const sent: SendUpload = { type: "send", ...flight, offset_bytes, size_bytes: is_part ? part_bytes : size_bytes };
  return [{ ...state, requests: request, flight, retry_at: null }, [sent]];
}

// --- what comes back

function landed(before: State, given: LandedUpload): Step {
  const { flight } = before;
  if (flight?.request !== given.request) return [before, []];
  const state: State = { ...before, flight: null };
  const photo = state.photos.find((one) => one.id === flight.photo_id);
  const file = photo?.[flight.file];
  // Forgotten by a person, or another sender has gone further: what came says nothing any more.
  if (!photo || !file || file.is_stored || (flight.method !== "create" && file.upload !== flight.upload)) return send(state, given);
  if (given.kind === "lost") return stick(state, photo, given, "lost");
  if (given.kind === "stalled") {
    return failed({ ...state, part_bytes: Math.max(state.part_bytes >> 1, MIN_PART_BYTES) }, photo, given, "unreachable", "stalled");
  }
  return given.kind === "answer" ? answered(state, photo, flight, file, given) : backOff(state, given.kind, given);
}

function answered(state: State, photo: Uploaded, flight: Request, file: Upload, given: LandedUpload): Step {
  const { status, error, upload, offset_bytes } = given;
  const { size_bytes } = file;
  const is_create = flight.method === "create";
  const withFile = (changes: Partial<Upload>): Uploaded => ({ ...photo, [flight.file]: { ...file, ...changes } });
  /** The server has more of the file than before: whatever went wrong with it is over. */
  const moved = (offset: number): Step => {
    const after = { ...withFile({ offset_bytes: offset, is_stored: offset === size_bytes }), tries: 0, retry_at: null, reason: null };
    return put(well({ ...state, part_bytes: Math.min(state.part_bytes * 2, PART_BYTES) }), after, given);
  };
  if (error === "already_stored") return moved(size_bytes);
  if (status < 300 && is_create && upload !== null) return put(well(state), withFile({ upload, offset_bytes: 0 }), given);
  if (!is_create && offset_bytes !== null && offset_bytes >= 0 && offset_bytes <= size_bytes) {
    if (status < 300 && (offset_bytes === size_bytes || offset_bytes > file.offset_bytes)) return moved(offset_bytes);
    if (status < 300 || status === 409) return setback(state, withFile({ offset_bytes }), given);
  }
  if (status < 300) return backOff(state, "not_ours", given);
  const pause = PAUSE_OF.get(error);
  if (pause || status === 401) return [{ ...state, trouble: pause ?? "sign_in" }, []];
  if (status >= 500 || LATER.includes(status)) return unwell(state, photo, given);

  // The server speaks of this file alone; the others go on.
  if (status === 460) return setback(state, photo, given); // damaged on its way
  if (status === 404 && is_create) {
    return photo.outcome !== "parked" && photo.tries + 1 >= UNKNOWN_LIMIT ? stick(state, photo, given, error) : setback(state, photo, given);
  }
  const anew = withFile({ upload: null, offset_bytes: 0 });
  // The upload has expired, or another sender's took its place.
  if ([404, 409, 410].includes(status)) return setback(state, anew, given);
  if (flight.file === "thumb") return put(state, { ...photo, thumb: null }, given); // the server can make one of the picture
  return status === 422 && !photo.is_reread ? setback(state, { ...anew, is_reread: true }, given) : stick(state, anew, given, error);
}

/** The server cannot just now. Short parts until it can: what it does not take was sent in vain. */
function unwell(before: State, photo: Uploaded, given: LandedUpload): Step {
  const state = { ...before, part_bytes: MIN_PART_BYTES };
  if (given.error === "storage_unavailable") return backOff(state, "store_away", given);
  if (given.status < 500 || given.status === 503) return backOff(state, "server", given);
  return failed(state, photo, given, "server", given.error); // perhaps because of this very photo
}

// --- what fails

function backOff(state: State, trouble: Trouble, given: LandedUpload): Step {
  const failures = state.failures + 1;
  const at = given.now + retryDelayMs(failures, given.retry_after_ms, given.jitter);
  return [{ ...state, trouble, failures, retry_at: at }, [{ type: "wait", at }]];
}

/** Nothing goes for a while, and this photo not first. */
function failed(state: State, before: Uploaded, given: LandedUpload, trouble: Trouble, reason: string): Step {
  const photo = { ...before, tries: before.tries + 1, reason };
  const [after, waits] = backOff(replaced(state, photo), trouble, given);
  return [after, [{ type: "put", photo }, ...waits]];
}

/** Again, at once the first time, then later each time; the others go on meanwhile. */
function setback(state: State, photo: Uploaded, given: LandedUpload): Step {
  const tries = photo.tries + 1;
  const retry_at = tries === 1 ? null : given.now + retryDelayMs(tries, given.retry_after_ms, given.jitter, WAIT_CAP_MS);
  return put(state, { ...photo, tries, retry_at, reason: given.error }, given);
}

function stick(state: State, photo: Uploaded, given: Given, reason: string): Step {
  return put(state, { ...photo, is_stuck: true, reason }, given);
}

// --- the rest

function urge(state: State, { ids }: Urge): Step {
  const urged = state.photos
    .filter((photo) => (ids === null ? isOwed(photo) : ids.includes(photo.id) && !photo.picture.is_stored))
    .map((photo) => ({ ...photo, is_urgent: true, is_stuck: false, is_reread: false, tries: 0, retry_at: null, reason: null }));
  return [urged.reduce(replaced, state), urged.map((photo) => ({ type: "put", photo }))];
}

function well(state: State): State {
  return { ...state, trouble: null, failures: 0, retry_at: null };
}

function put(state: State, photo: Uploaded, given: Given): Step {
  const [after, actions] = send(replaced(state, photo), given);
  return [after, [{ type: "put", photo }, ...actions]];
}

function replaced(state: State, photo: Uploaded): State {
  return { ...state, photos: state.photos.map((one) => (one.id === photo.id ? photo : one)) };
}
