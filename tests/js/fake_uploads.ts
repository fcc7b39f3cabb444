/** The upload half of a server, in memory: tus as the phone speaks it, and all that can go wrong with it. */
import { createHash } from "node:crypto";
import type { LandedPart, SendUpload } from "../../pwa/sync/uploading.ts";

interface Upload { readonly photo_id: string; readonly file: string; readonly size: number; bytes: Uint8Array<ArrayBuffer> }

export type Fate =
  | "cut" // half of the part goes out, then nothing
  | "lost" // it takes effect, and its answer never arrives
  | "stalled"
  | "not_ours"
  | "store_away"
  | "broken" // 500
  | "sign_in"
  | "gone"
  | "damaged"; // 460

const ANSWER: LandedPart = { kind: "answer", status: 204, error: "", upload: null, offset_bytes: null, retry_after_ms: 0 };

export class FakeUploads {
  /** Photos whose rows are there: SHA-256 of each file. */
  readonly rows = new Map<string, { picture: string; thumb: string | null }>();
  /** "photo_id/file" → bytes. */
  readonly stored = new Map<string, Uint8Array>();
  readonly uploads = new Map<string, Upload>();
  /** What becomes of the next requests, oldest first. */
  readonly fate: (Fate | null)[] = [];
  /** "method photo file" of each request. */
  readonly log: string[] = [];
  /** Bytes of parts that left the phone. */
  sent_bytes = 0;
  /** Whatever is asked of these photos, the answer is this. */
  readonly always = new Map<string, Partial<LandedPart>>();
  #count = 0;

  readonly send = async (sent: SendUpload, bytes?: ArrayBuffer): Promise<LandedPart> => {
    this.log.push(`${sent.method} ${sent.photo_id} ${sent.file}`);
    if (this.log.length > 1_000) throw new Error("a phone that asks without end");
    const fate = this.fate.shift() ?? null;
    this.sent_bytes += Math.floor((bytes?.byteLength ?? 0) / (fate === "cut" ? 2 : 1));
    await new Promise((resolve) => setImmediate(resolve));
    if (fate === "cut" || fate === "stalled") return { ...ANSWER, kind: fate === "cut" ? "unreachable" : fate, status: 0 };
    if (fate === "not_ours") return { ...ANSWER, kind: fate, status: 0 };
    if (fate === "store_away") return { ...ANSWER, status: 503, error: "storage_unavailable" };
    if (fate === "broken") return { ...ANSWER, status: 500, error: "internal" };
    if (fate === "sign_in") return { ...ANSWER, status: 401, error: "sign_in_required" };
    if (fate === "damaged") return { ...ANSWER, status: 460, error: "checksum_mismatch" };
    if (fate === "gone") this.uploads.clear();
    const landed = this.always.get(sent.photo_id) ?? this.#answer(sent, new Uint8Array(bytes ?? new ArrayBuffer(0)));
    return fate === "lost" ? { ...ANSWER, kind: "unreachable", status: 0 } : { ...ANSWER, ...landed };
  };

  /** The same over HTTP. */
  async respond(path: string, init: RequestInit): Promise<Response> {
    const landed = await this.send(this.#read(path, init), init.body as ArrayBuffer);
    if (landed.kind !== "answer") throw new TypeError("no network");
    const headers = new Headers({ Holdfast: "1" });
    if (landed.upload !== null) headers.set("Location", `/uploads/${landed.upload}`);
    if (landed.offset_bytes !== null) headers.set("Upload-Offset", String(landed.offset_bytes));
    return new Response(landed.status === 204 ? null : JSON.stringify({ error: landed.error }), { status: landed.status, headers });
  }

  #read(path: string, init: RequestInit): SendUpload {
    const headers = new Headers(init.headers);
    const [photo_id = "", file = ""] = (headers.get("Upload-Metadata") ?? "").split(",").map((pair) => atob(pair.split(" ")[1] ?? ""));
    const upload = path.split("/")[2] ?? null;
    const known = this.uploads.get(upload ?? "");
    return {
      type: "send",
      request: 0,
      photo_id: known?.photo_id ?? photo_id,
      file: (known?.file ?? file) as "picture",
      method: init.method === "POST" ? "create" : init.method === "HEAD" ? "ask" : "part",
      upload,
      offset_bytes: Number(headers.get("Upload-Offset")),
      size_bytes: Number(headers.get("Upload-Length")),
    };
  }

  #answer({ method, photo_id, file, upload, offset_bytes, size_bytes }: SendUpload, bytes: Uint8Array<ArrayBuffer>): Partial<LandedPart> {
    const row = this.rows.get(photo_id);
    if (!row) return { status: 404, error: "not_found" };
    if (method === "create") {
      if (this.stored.has(`${photo_id}/${file}`)) return { status: 409, error: "already_stored" };
      for (const [id, one] of this.uploads) if (one.photo_id === photo_id && one.file === file) this.uploads.delete(id);
      const id = `u${++this.#count}`;
      this.uploads.set(id, { photo_id, file, size: size_bytes, bytes: new Uint8Array() });
      return { status: 201, upload: id };
    }
    const one = this.uploads.get(upload!);
    if (!one) return { status: 404, error: "upload_gone" };
    if (method === "part") {
      if (one.bytes.length !== offset_bytes) return { status: 409, error: "offset_mismatch", offset_bytes: one.bytes.length };
      const whole = new Uint8Array(one.bytes.length + bytes.length);
      whole.set(one.bytes);
      whole.set(bytes, one.bytes.length);
      one.bytes = whole;
    }
    if (one.bytes.length === one.size && !this.stored.has(`${photo_id}/${file}`)) {
      if (createHash("sha256").update(one.bytes).digest("hex") !== row[file]) {
        this.uploads.delete(upload!);
        return { status: 422, error: "hash_mismatch" };
      }
      this.stored.set(`${photo_id}/${file}`, one.bytes);
    }
    return { status: method === "ask" ? 200 : 204, offset_bytes: one.bytes.length };
  }
}
