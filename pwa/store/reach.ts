/** How far the rows of the cache reach; all that a sender without a page asks of it. */
import type { CacheDatabase, Reach } from "./databases.ts";
import { get, reading } from "./strict.ts";

export const NOWHERE: Reach = { cookie: null, covered: [], downloads: {} };

export function readReach(cache: CacheDatabase): Promise<Reach> {
  return reading(cache, ["meta"], reachIn);
}

export async function reachIn(tx: IDBTransaction): Promise<Reach> {
  return (await get<Reach>(tx, "meta", "reach")) ?? NOWHERE;
}
