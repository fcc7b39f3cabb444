/** Which item a mutation is about: what groups the overlay, the marks and the rows of the outbox page. */
import type { Args } from "./device.ts";
import type { Find } from "./overlay.ts";
import type { Id } from "./types.ts";

interface About {
  readonly id: Id;
  readonly name: string;
  readonly args: Args;
}

/** The item of a mutation; null where it has none (a noop), or where this device does not know it. */
export function itemOf(one: About, find: Find): Id | null {
  if (one.name === "comment.add" || one.name.startsWith("photo.")) return text(one.args["item_id"]);
  if (one.name === "conflict.resolve") return text(find("conflicts", text(one.args["id"]) ?? "")?.["item_id"]);
  if (one.name === "refusal.dismiss") return text(find("refusals", text(one.args["id"]) ?? "")?.["item_id"]);
  return one.name.startsWith("item.") ? text(one.args["id"]) : null;
}

/** Mutations of one subject see each other in the overlay; those of two never do. */
export function subjectOf(one: About, find: Find): Id {
  return itemOf(one, find) ?? text(one.args["id"]) ?? one.id;
}

function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
