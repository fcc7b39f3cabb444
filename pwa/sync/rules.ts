/** The engine's tables. Generated from sync/schema.py and sync/rules.py by `python -m sync.generate`; do not edit. */

import type { Role, Status } from "./types.ts";

export type Kind = "text" | "choice" | "date" | "ref" | "refs" | "tags";
export type Policy = "latest" | "ask" | "text" | "set";

/** One editable field. `limit` counts characters (text) or members (refs, tags). */
export interface Field {
  readonly kind: Kind;
  readonly policy: Policy;
  readonly limit: number;
  readonly choices: readonly string[];
  readonly entity: string;
  readonly default: string | null;
  readonly is_required: boolean;
  /** False: a worker's change of it is a suggestion that a supervisor answers. */
  readonly is_direct: boolean;
}

/** One status command. `target` null: back to the state before the dispute. */
export interface Transition {
  readonly sources: readonly Status[];
  readonly target: Status | null;
  readonly needs_reason: boolean;
  readonly is_repeatable: boolean;
}

export const PROTOCOL_VERSION = 1;
export const SCHEMA_VERSION = 1;
export const MAX_MUTATIONS = 500;
export const MAX_BODY_BYTES = 4194304;
export const MAX_DEPTH = 16;
export const MAX_INTEGER = 9007199254740991;
export const COMMENT_LIMIT = 10000;
export const REASON_LIMIT = 2000;
export const TAG_LIMIT = 50;
export const PROVISIONAL_LIMIT = 32;
export const ITEM_TYPES: readonly string[] = ["defect", "incomplete", "damage", "safety", "observation"];
export const PRIORITIES: readonly string[] = ["low", "normal", "high", "urgent"];
export const STATUSES: readonly Status[] = ["open", "in_progress", "ready_for_review", "not_accepted", "disputed", "closed", "void"];
export const ROLES: readonly Role[] = ["worker", "supervisor", "storekeeper", "auditor", "admin", "guest"];
export const MUTATIONS: readonly string[] = ["noop", "item.create", "item.edit", "item.move", "item.start", "item.submit", "item.accept", "item.send_back", "item.dispute", "item.resolve", "item.void", "item.reopen", "item.delete", "item.restore", "comment.add", "conflict.resolve", "refusal.dismiss"];
export const ENTITIES: readonly string[] = ["projects", "trades", "companies", "sectors", "actors", "memberships", "punch_items", "comments", "item_events", "conflicts", "refusals"];

/** The fields of a punch item that a person may set, in the order of the form. */
export const ITEM_FIELDS: Readonly<Record<string, Field>> = {
  title: { kind: "text", policy: "text", limit: 255, choices: [], entity: "", default: "", is_required: true, is_direct: true },
  description: { kind: "text", policy: "text", limit: 20000, choices: [], entity: "", default: "", is_required: false, is_direct: true },
  type: { kind: "choice", policy: "latest", limit: 0, choices: ["defect", "incomplete", "damage", "safety", "observation"], entity: "", default: "defect", is_required: false, is_direct: true },
  priority: { kind: "choice", policy: "latest", limit: 0, choices: ["low", "normal", "high", "urgent"], entity: "", default: "normal", is_required: false, is_direct: false },
  trade_id: { kind: "ref", policy: "latest", limit: 0, choices: [], entity: "trades", default: null, is_required: false, is_direct: true },
  company_id: { kind: "ref", policy: "ask", limit: 0, choices: [], entity: "companies", default: null, is_required: false, is_direct: false },
  assignee_ids: { kind: "refs", policy: "ask", limit: 20, choices: [], entity: "actors", default: null, is_required: false, is_direct: false },
  location: { kind: "text", policy: "latest", limit: 255, choices: [], entity: "", default: "", is_required: false, is_direct: true },
  due_on: { kind: "date", policy: "ask", limit: 0, choices: [], entity: "", default: null, is_required: false, is_direct: false },
  tags: { kind: "tags", policy: "set", limit: 30, choices: [], entity: "", default: null, is_required: false, is_direct: true },
  external_ref: { kind: "text", policy: "latest", limit: 100, choices: [], entity: "", default: "", is_required: false, is_direct: true },
};

/** Status command → which way it moves. */
export const TRANSITIONS: Readonly<Record<string, Transition>> = {
  "item.start": { sources: ["open", "not_accepted"], target: "in_progress", needs_reason: false, is_repeatable: true },
  "item.submit": { sources: ["open", "in_progress", "not_accepted"], target: "ready_for_review", needs_reason: false, is_repeatable: true },
  "item.accept": { sources: ["ready_for_review"], target: "closed", needs_reason: false, is_repeatable: false },
  "item.send_back": { sources: ["ready_for_review"], target: "not_accepted", needs_reason: true, is_repeatable: false },
  "item.dispute": { sources: ["open", "in_progress", "not_accepted"], target: "disputed", needs_reason: true, is_repeatable: false },
  "item.resolve": { sources: ["disputed"], target: null, needs_reason: true, is_repeatable: false },
  "item.void": { sources: ["open", "in_progress", "ready_for_review", "not_accepted", "disputed"], target: "void", needs_reason: true, is_repeatable: false },
  "item.reopen": { sources: ["closed", "void"], target: "open", needs_reason: true, is_repeatable: false },
};

/** Act → the roles that may do it on an item they can see. */
export const ACTS: Readonly<Record<string, readonly Role[]>> = {
  "item.create": ["worker", "supervisor", "storekeeper", "admin"],
  "item.edit": ["worker", "supervisor", "storekeeper", "admin"],
  "item.decide": ["supervisor", "admin"],
  "item.move": ["supervisor", "admin"],
  "item.start": ["worker", "supervisor", "admin", "guest"],
  "item.submit": ["worker", "supervisor", "admin", "guest"],
  "item.dispute": ["worker", "supervisor", "admin", "guest"],
  "item.accept": ["supervisor", "admin"],
  "item.send_back": ["supervisor", "admin"],
  "item.resolve": ["supervisor", "admin"],
  "item.void": ["supervisor", "admin"],
  "item.reopen": ["supervisor", "admin"],
  "item.delete": ["supervisor", "admin"],
  "item.restore": ["supervisor", "admin"],
  "comment.add": ["worker", "supervisor", "storekeeper", "auditor", "admin", "guest"],
  "conflict.resolve": ["worker", "supervisor", "storekeeper", "admin"],
};
