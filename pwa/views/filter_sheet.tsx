/** All filters and the order, on one sheet. */

import { h } from "preact";
import { PRIORITIES } from "../sync/rules.ts";
import type { Status } from "../sync/types.ts";
import { Choices, toggled } from "./choices.tsx";
import { Dialog } from "./dialog.tsx";
import { useLive } from "./engine.ts";
import { NO_FILTERS, type Filters, type Sort } from "./filters.ts";
import { wordOf, say, words } from "./words.ts";

interface Props {
  readonly filters: Filters;
  readonly setFilters: (filters: Filters) => void;
  readonly found: number;
  readonly onClose: () => void;
}

export function FilterSheet({ filters, setFilters, found, onClose }: Props) {
  const { snapshot } = useLive();
  const set = (part: Partial<Filters>): void => setFilters({ ...filters, ...part });
  const trades = [...snapshot.trades.values()].map((trade) => [trade.id, trade.name] as const).sort((a, b) => a[1].localeCompare(b[1]));
  return (
    <Dialog title={words.browse.filters} is_full onClose={onClose}>
      <div class="form">
        <Choices
          label={words.field.status}
          options={Object.entries(words.status)}
          chosen={filters.statuses}
          onToggle={(status) => set({ statuses: toggled(filters.statuses, status as Status) })}
        />
        <Choices
          label={words.field.priority}
          options={PRIORITIES.map((priority) => [priority, wordOf(words.priority, priority)])}
          chosen={filters.priorities}
          onToggle={(priority) => set({ priorities: toggled(filters.priorities, priority) })}
        />
        <Choices
          label={words.field.trade_id}
          options={trades}
          chosen={filters.trade_id === null ? [] : [filters.trade_id]}
          onToggle={(id) => set({ trade_id: filters.trade_id === id ? null : id })}
        />
        <Choices label={words.browse.sort} options={Object.entries(words.browse.sort_by)} chosen={[filters.sort]} onToggle={(sort) => set({ sort: sort as Sort })} />
      </div>
      <div class="sheet-foot">
        <button type="button" onClick={() => setFilters({ ...NO_FILTERS, sector_id: filters.sector_id })}>{words.browse.clear}</button>
        <button type="button" class="primary" onClick={onClose}>{say(words.browse.show, found)}</button>
      </div>
    </Dialog>
  );
}
