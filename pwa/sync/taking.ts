/** Takes the rows of an answer together with its receipts; what a page's sender does and the worker leaves to it. */
import { applyRows, type Rows } from "../store/cache.ts";
import type { CacheDatabase, WorkDatabase } from "../store/databases.ts";
import { readReach } from "../store/reach.ts";
import { readOutbox } from "../store/work.ts";
import type { Environment } from "./runner.ts";
import { sendingStep } from "./sending.ts";

/**
 * Rows and cookie are written first and name the entries they cover; then those entries leave the outbox. Killed between the two, the
 * device shows the rows and ignores the covered entries, until a later answer removes them (11, 14).
 */
export function rowTaker(work: WorkDatabase, cache: CacheDatabase): NonNullable<Environment["take"]> {
  return async (given, own, step) => {
    const [{ durable, entries }, { cookie }] = await Promise.all([readOutbox(work), readReach(cache)]);
    const [, actions] = sendingStep({ ...durable, ...own, entries, cookie }, given);
    const applying = actions.find((action) => action.type === "apply");
    if (!applying) return step(given, cookie);
    const asked = { cookie, now: given.now, prune: applying.prune, held: new Set(entries.map((entry) => entry.id)) };
    const rows = await applyRows(cache, asked, given.body as Rows);
    // Null: another sender has moved the cookie since; the reducer then takes the receipts and asks again (13).
    return step(given, rows ? cookie : undefined, rows);
  };
}
