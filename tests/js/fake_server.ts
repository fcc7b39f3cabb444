/** A server of one scope, in memory, as the runner meets it: receipts kept for ever, numbers without holes, rows by position. */
import type { SyncRequest } from "../../pwa/sync/device.ts";
import type { Landed } from "../../pwa/sync/network.ts";

interface Mutation {
  readonly id: string;
  readonly client: string;
  readonly n: number;
  readonly name: string;
  readonly args: Record<string, unknown>;
}

export const SCOPE = "sector/b4";

export class FakeServer {
  /** Mutations in the order they took effect. */
  readonly applied: Mutation[] = [];
  readonly #receipts = new Map<string, { id: string; outcome: string }>();
  readonly #last_n = new Map<string, number>();
  readonly #rows: { entity: string; doc: { id: string; version: number } & Record<string, unknown>; is_gone?: boolean }[] = [];
  /** What becomes of mutations by name; else they are applied. */
  readonly outcomes = new Map<string, string>();
  /** Rows an answer carries at most. */
  page = 1_000;
  /** What becomes of the next requests, oldest first: `lost` ones are committed, and their answer never arrives. */
  readonly fate: ("lost" | "unreachable" | "not_ours" | "busy" | "sign_in" | "unreadable")[] = [];
  requests = 0;

  readonly post = async (request: SyncRequest): Promise<Landed> => {
    this.requests++;
    const fate = this.fate.shift();
    if (fate === "unreachable" || fate === "not_ours") return { kind: fate };
    if (fate === "busy") return refused(503, "unavailable");
    if (fate === "sign_in") return refused(401, "sign_in_required");
    if (fate === "unreadable" && request.mutations.length > 0) return refused(400, "invalid_request");
    const landed = this.#answer(JSON.parse(JSON.stringify(request)));
    await new Promise((resolve) => setImmediate(resolve));
    return fate === "lost" ? { kind: "unreachable" } : landed;
  };

  /** A row written by somebody else. */
  add(entity: string, doc: { id: string; version: number } & Record<string, unknown>): void {
    this.#rows.push({ entity, doc });
  }

  /** Somebody has removed it. */
  remove(entity: string, id: string): void {
    this.#rows.push({ entity, doc: { id, version: 0 }, is_gone: true });
  }

  #answer(request: SyncRequest): Landed {
    const mutations = request.mutations as Mutation[];
    const last = this.#last_n.get(request.client) ?? 0;
    if ((mutations[0]?.n ?? 0) > last + 1) return { ...refused(409, "gap"), next_n: last + 1 };
    if (mutations.some((one) => one.n <= last && !this.#receipts.has(one.id))) return refused(409, "fork");
    for (const mutation of mutations) if (!this.#receipts.has(mutation.id)) this.#apply(mutation);
    const from = Number(request.cookie ?? 0);
    const upto = Math.min(from + this.page, this.#rows.length);
    const rows = this.#rows.slice(from, upto);
    const total = from === 0 ? this.#rows.length : -1;
    const body = {
      receipts: mutations.map((one) => this.#receipts.get(one.id)),
      cookie: String(upto),
      reset: false,
      drop: [],
      scopes: rows.length === 0 ? [] : [{ scope: SCOPE, total, rows: rows.filter((row) => !row.is_gone), gone: rows.filter((row) => row.is_gone).map(({ entity, doc: { id } }) => ({ entity, id })) }],
      complete: upto === this.#rows.length,
    };
    return { kind: "answer", body };
  }

  #apply(mutation: Mutation): void {
    this.applied.push(mutation);
    this.#receipts.set(mutation.id, { id: mutation.id, outcome: this.outcomes.get(mutation.name) ?? "applied" });
    this.#last_n.set(mutation.client, Math.max(mutation.n, this.#last_n.get(mutation.client) ?? 0));
    if (mutation.name === "item.create") this.add("punch_items", itemDoc(String(mutation.args["id"]), { title: mutation.args["title"] }));
  }
}

function refused(status: number, error: string): Landed & { kind: "refused" } {
  return { kind: "refused", status, error, next_n: 0, retry_after_ms: 0 };
}

export function itemDoc(id: string, fields: Record<string, unknown> = {}): { id: string; version: number } & Record<string, unknown> {
  return {
    id, version: 1, project_id: "p", sector_id: "b4", number: 1, provisional_number: "K7-1", title: "Cracked tile", description: "",
    type: "defect", priority: "normal", trade_id: null, company_id: null, assignee_ids: [], location: "", due_on: null, tags: [],
    external_ref: "", status: "open", status_reason: null, disputed_from: null, bounces: 0, comment_count: 0, raised_by: "ana",
    raised_at: 1, submitted_by: null, submitted_at: null, closed_by: null, closed_at: null, updated_by: "ana", updated_at: 1, ...fields,
  };
}
