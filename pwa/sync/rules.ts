/** The engine's tables. Generated from sync/schema.py and sync/rules.py by `python -m sync.generate`; do not edit. */

import type { Role, Status } from "./types.ts";

export type Kind = "text" | "choice" | "date" | "ref" | "refs" | "tags";

/** What the screens need to know of an editable field; what is 0, none or false there is left out. */
export interface Field {
  readonly kind: Kind;
  /** Characters (text) or members (refs, tags). */
  readonly limit?: number;
  readonly choices?: readonly string[];
  readonly default?: string;
  /** Absent: a worker's change of it is a suggestion that a supervisor answers. */
  readonly is_direct?: boolean;
}

/** One status command. `target` null: back to the state before the dispute. */
export interface Transition {
  readonly sources: readonly Status[];
  readonly target: Status | null;
  readonly needs_reason: boolean;
}

export const PROTOCOL_VERSION = 1;
export const SCHEMA_VERSION = 1;
export const MAX_MUTATIONS = 500;
export const COMMENT_LIMIT = 10000;
export const REASON_LIMIT = 2000;
export const CAPTION_LIMIT = 500;
export const MAX_THUMB_BYTES = 65536;
export const PRIORITIES: readonly string[] = ["low", "normal", "high", "urgent"];
export const PHOTO_KINDS: readonly string[] = ["before", "after", "other"];

/** The fields of a punch item that a person may set, in the order of the form. */
export const ITEM_FIELDS: Readonly<Record<string, Field>> = {
  title: { kind: "text", limit: 255, default: "", is_direct: true },
  description: { kind: "text", limit: 20000, default: "", is_direct: true },
  type: { kind: "choice", choices: ["defect", "incomplete", "damage", "safety", "observation"], default: "defect", is_direct: true },
  priority: { kind: "choice", choices: ["low", "normal", "high", "urgent"], default: "normal" },
  trade_id: { kind: "ref", is_direct: true },
  company_id: { kind: "ref" },
  assignee_ids: { kind: "refs", limit: 20 },
  location: { kind: "text", limit: 255, default: "", is_direct: true },
  due_on: { kind: "date" },
  tags: { kind: "tags", limit: 30, is_direct: true },
  external_ref: { kind: "text", limit: 100, default: "", is_direct: true },
};

/** Status command → which way it moves. */
export const TRANSITIONS: Readonly<Record<string, Transition>> = {
  "item.start": { sources: ["open", "not_accepted"], target: "in_progress", needs_reason: false },
  "item.submit": { sources: ["open", "in_progress", "not_accepted"], target: "ready_for_review", needs_reason: false },
  "item.accept": { sources: ["ready_for_review"], target: "closed", needs_reason: false },
  "item.send_back": { sources: ["ready_for_review"], target: "not_accepted", needs_reason: true },
  "item.dispute": { sources: ["open", "in_progress", "not_accepted"], target: "disputed", needs_reason: true },
  "item.resolve": { sources: ["disputed"], target: null, needs_reason: true },
  "item.void": { sources: ["open", "in_progress", "ready_for_review", "not_accepted", "disputed"], target: "void", needs_reason: true },
  "item.reopen": { sources: ["closed", "void"], target: "open", needs_reason: true },
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
  "photo.add": ["worker", "supervisor", "storekeeper", "admin", "guest"],
  "photo.edit": ["worker", "supervisor", "storekeeper", "admin", "guest"],
  "photo.remove": ["worker", "supervisor", "storekeeper", "admin", "guest"],
  "photo.restore": ["worker", "supervisor", "storekeeper", "admin", "guest"],
  "photo.decide": ["supervisor", "admin"],
  "conflict.resolve": ["worker", "supervisor", "storekeeper", "admin"],
};
