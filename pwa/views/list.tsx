/** The punch list: sector, search and filters above the rows. */

import { Fragment, h } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { Item } from "../sync/types.ts";
import { DueSign, MarkSign, PhotoSign, PrioritySign, StatusChip } from "./chips.tsx";
import { useLive, useNow } from "./engine.ts";
import { FilterSheet } from "./filter_sheet.tsx";
import { countFilters, matchesFilters, NO_FILTERS, REVIEW, selectItems, TODO, type Filters } from "./filters.ts";
import { dayFrom, formatItemNumber, formatNumber } from "./format.ts";
import { Icon } from "./icons.tsx";
import { Picker } from "./picker.tsx";
import { usePreference } from "./preferences.ts";
import { LastReport } from "./last_report.tsx";
import { Readiness } from "./readiness.tsx";
import { ownSectors } from "./rights.ts";
import { isSame, sectorCode, sectorName } from "./values.ts";
import { VirtualList } from "./virtual.tsx";
import { say, words } from "./words.ts";

let last_search = "";

/** The filters of this person, without a sector that is not theirs any more. */
function useFilters() {
  const { engine, snapshot } = useLive();
  const [stored, setFilters] = usePreference<Filters>(engine.me.id, "filters", NO_FILTERS);
  const is_known = stored.sector_id !== null && snapshot.sectors.has(stored.sector_id);
  const filters = useMemo(() => ({ ...NO_FILTERS, ...stored, sector_id: is_known ? stored.sector_id : null }), [stored, is_known]);
  return { filters, setFilters };
}

export function ListPage({ open_id }: { open_id: string | null }) {
  const { engine, snapshot } = useLive();
  const now = useNow(60_000);
  const { filters, setFilters } = useFilters();
  const [search, setSearch] = useState(last_search);
  last_search = search;
  const shown = useMemo(() => selectItems(snapshot.items.values(), filters, search, engine.me.id, now), [snapshot.items, filters, search, now]);
  const has_sector = filters.sector_id === null && ownSectors(snapshot, engine.me).length > 1;
  return (
    <section class="pane list-pane" aria-label={words.list}>
      <ListHead filters={filters} setFilters={setFilters} search={search} setSearch={setSearch} found={shown.length} />
      {shown.length === 0 ? (
        <EmptyList filters={filters} search={search} onClear={() => (setSearch(""), setFilters({ ...NO_FILTERS, sector_id: filters.sector_id }))} />
      ) : (
        <VirtualList label={words.list} topic="list" rows={shown} keyOf={(item) => item.id}>
          {(item) => <Row item={item} is_open={item.id === open_id} now={now} has_sector={has_sector} />}
        </VirtualList>
      )}
    </section>
  );
}

function EmptyList({ filters, search, onClear }: { filters: Filters; search: string; onClear: () => void }) {
  const is_narrowed = countFilters(filters) > 0 || search.trim() !== "";
  return (
    <div class="empty">
      <p>{is_narrowed ? words.browse.no_match : words.browse.empty}</p>
      {is_narrowed && <button type="button" onClick={onClear}>{words.browse.clear}</button>}
    </div>
  );
}

function Row({ item, is_open, now, has_sector }: { item: Item; is_open: boolean; now: number; has_sector: boolean }) {
  const { snapshot } = useLive();
  const trade = item.trade_id === null ? undefined : snapshot.trades.get(item.trade_id)?.name;
  const place = [has_sector ? sectorCode(snapshot, item.sector_id) : "", trade ?? "", item.location].filter((part) => part !== "").join(" · ");
  return (
    <a class={`row edge-${item.status}`} href={`/items/${item.id}`} aria-current={is_open ? "true" : undefined}>
      <span class="row-top">
        <span class="row-number">{formatItemNumber(item)}</span>
        <PrioritySign priority={item.priority} />
        <span class="row-place" dir="auto">{place}</span>
        <MarkSign item_id={item.id} is_dense />
      </span>
      <span class="row-title" dir="auto">{item.title}</span>
      <span class="row-signs">
        <StatusChip status={item.status} />
        <DueSign item={item} now={now} is_dense />
        <PhotoSign count={item.photo_count} />
      </span>
    </a>
  );
}

interface HeadProps {
  readonly filters: Filters;
  readonly setFilters: (filters: Filters) => void;
  readonly search: string;
  readonly setSearch: (search: string) => void;
  readonly found: number;
}

function ListHead({ filters, setFilters, search, setSearch, found }: HeadProps) {
  const [is_filtering, setFiltering] = useState(false);
  const on = countFilters(filters);
  return (
    <div class="list-head">
      <SectorChoice filters={filters} setFilters={setFilters} />
      <Readiness chosen={filters.sector_id} />
      <LastReport />
      <div class="search-line">
        <label class="search">
          <Icon name="search" />
          <input type="search" aria-label={words.browse.search} placeholder={words.browse.search} value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
        </label>
        <button type="button" class={on > 0 ? "icon-only on" : "icon-only"} aria-label={on > 0 ? say(words.browse.filters_on, on) : words.browse.filters} onClick={() => setFiltering(true)}>
          <Icon name="filter" />
          {on > 0 && <span class="badge" aria-hidden="true">{on}</span>}
        </button>
      </div>
      <QuickFilters filters={filters} setFilters={setFilters} />
      {is_filtering && <FilterSheet filters={filters} setFilters={setFilters} found={found} onClose={() => setFiltering(false)} />}
    </div>
  );
}

function SectorChoice({ filters, setFilters }: Pick<HeadProps, "filters" | "setFilters">) {
  const { engine, snapshot } = useLive();
  const [is_open, setOpen] = useState(false);
  const options = ownSectors(snapshot, engine.me).map((id) => ({ id, name: sectorName(snapshot, id) }));
  const name = filters.sector_id === null ? (options.length === 1 ? options[0]?.name : words.browse.all_sectors) : sectorName(snapshot, filters.sector_id);
  return (
    <>
      <h1 class="list-title" tabIndex={-1}>
        <button type="button" class="sector-choice" aria-haspopup="dialog" onClick={() => setOpen(true)}>
          <span dir="auto">{name}</span>
          <Icon name="down" />
        </button>
      </h1>
      {is_open && (
        <Picker
          title={words.browse.choose_sector}
          topic="sector"
          options={options}
          chosen={filters.sector_id === null ? [] : [filters.sector_id]}
          none={words.browse.all_sectors}
          onChoose={([id]) => (setFilters({ ...filters, sector_id: id ?? null }), setOpen(false))}
          onClose={() => setOpen(false)}
        />
      )}
    </>
  );
}

/** Four questions asked all day, each with its count. */
function QuickFilters({ filters, setFilters }: Pick<HeadProps, "filters" | "setFilters">) {
  const { engine, snapshot } = useLive();
  const quick: readonly [string, Partial<Filters>][] = [
    [words.browse.todo, { statuses: TODO }],
    [words.browse.mine, { is_mine: true }],
    [words.browse.overdue, { is_overdue: true }],
    [words.browse.review, { statuses: REVIEW }],
  ];
  const today = dayFrom(Date.now(), 0);
  const counts = useMemo(() => {
    const items = [...snapshot.items.values()];
    return quick.map(([, part]) => items.filter((item) => matchesFilters(item, { ...NO_FILTERS, sector_id: filters.sector_id, ...part }, engine.me.id, today)).length);
  }, [snapshot.items, filters.sector_id, today]);
  const isOn = (part: Partial<Filters>): boolean => Object.entries(part).every(([key, value]) => isSame(filters[key as keyof Filters], value));
  const off = (part: Partial<Filters>): Partial<Filters> => Object.fromEntries(Object.keys(part).map((key) => [key, NO_FILTERS[key as keyof Filters]]));
  return (
    <div class="quick" role="group" aria-label={words.browse.filters}>
      {quick.map(([name, part], index) => (
        <button key={name} type="button" class="choice" aria-pressed={isOn(part)} onClick={() => setFilters({ ...filters, ...(isOn(part) ? off(part) : part) })}>
          <span>{name}</span> <span class="count">{formatNumber(counts[index] ?? 0)}</span>
        </button>
      ))}
    </div>
  );
}
