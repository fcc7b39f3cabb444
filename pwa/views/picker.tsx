/** A full-screen choice from a list: search on top, recent ones first. */

import { h } from "preact";
import { useState } from "preact/hooks";
import { Dialog } from "./dialog.tsx";
import { useLive } from "./engine.ts";
import { Icon } from "./icons.tsx";
import { readPreference, writePreference } from "./preferences.ts";
import { words } from "./words.ts";

export interface Option {
  readonly id: string;
  readonly name: string;
  readonly note?: string;
}

interface Props {
  readonly title: string;
  /** Recent choices are remembered under this name. */
  readonly topic: string;
  readonly options: readonly Option[];
  readonly chosen: readonly string[];
  readonly is_many?: boolean;
  /** The words for choosing nothing; absent: something must be chosen. */
  readonly none?: string;
  readonly onChoose: (ids: string[]) => void;
  readonly onClose: () => void;
}

const SEARCH_FROM = 8;
const RECENT = 4;

function useRecent(topic: string): [string[], (id: string) => void] {
  const { engine } = useLive();
  const key = `recent:${topic}`;
  const recent = readPreference<string[]>(engine.me.id, key, []);
  const remember = (id: string): void => writePreference(engine.me.id, key, [id, ...recent.filter((one) => one !== id)].slice(0, RECENT));
  return [recent, remember];
}

/** Everything by name, the recently chosen on top. */
export function orderOptions(options: readonly Option[], recent: readonly string[]): { recent: Option[]; rest: Option[] } {
  const byName = [...options].sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  const on_top = recent.map((id) => options.find((option) => option.id === id)).filter((option) => option !== undefined);
  return { recent: options.length < SEARCH_FROM ? [] : on_top, rest: byName };
}

export function Picker({ title, topic, options, chosen, is_many = false, none, onChoose, onClose }: Props) {
  const [search, setSearch] = useState("");
  const [recent_ids, remember] = useRecent(topic);
  const choose = (id: string): void => {
    remember(id);
    if (!is_many) return onChoose([id]);
    onChoose((chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id]).sort());
  };
  const wanted = search.trim().toLowerCase();
  const found = options.filter((option) => `${option.name} ${option.note ?? ""}`.toLowerCase().includes(wanted));
  const { recent, rest } = orderOptions(found, wanted === "" ? recent_ids : []);
  const row = (option: Option) => (
    <button type="button" key={option.id} class="option" aria-pressed={chosen.includes(option.id)} onClick={() => choose(option.id)}>
      <span class="option-name" dir="auto">{option.name}</span>
      {option.note && <span class="option-note">{option.note}</span>}
      {chosen.includes(option.id) && <Icon name="check" />}
    </button>
  );
  return (
    <Dialog title={title} is_full onClose={onClose}>
      {options.length >= SEARCH_FROM && (
        <input type="search" class="input" aria-label={words.search} placeholder={words.search} value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
      )}
      <div class="options">
        {none !== undefined && wanted === "" && (
          <button type="button" class="option" aria-pressed={chosen.length === 0} onClick={() => onChoose([])}>
            <span class="option-name">{none}</span>
            {chosen.length === 0 && <Icon name="check" />}
          </button>
        )}
        {recent.length > 0 && <h3 class="options-head">{words.recent}</h3>}
        {recent.map(row)}
        {recent.length > 0 && <h3 class="options-head">{words.all}</h3>}
        {rest.map(row)}
        {found.length === 0 && <p class="empty">{words.no_match}</p>}
      </div>
      {is_many && <button type="button" class="primary wide" onClick={onClose}>{words.done}</button>}
    </Dialog>
  );
}
