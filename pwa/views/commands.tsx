/** The status commands open to this person on this item: the likely ones in thumb reach, the others one tap further. */

import { Fragment, h } from "preact";
import { useState } from "preact/hooks";
import type { Id, Item } from "../sync/types.ts";
import { useActing } from "./acting.ts";
import { Dialog } from "./dialog.tsx";
import { useLive } from "./engine.ts";
import { Icon } from "./icons.tsx";
import { Picker } from "./picker.tsx";
import { ReasonSheet } from "./reason_sheet.tsx";
import { commandsFor, mayOn, sectorsFor, type Command } from "./rights.ts";
import { navigate } from "./router.ts";
import { sectorName } from "./values.ts";
import { wordOf, say, words } from "./words.ts";

export const baseOf = (item: Item): number | null => (item.version === 0 ? null : item.version);

function useCommands(item: Item) {
  const { engine } = useLive();
  const { is_busy, act } = useActing();
  const [asking, setAsking] = useState<Command | null>(null);
  const run = async (name: string, reason: string | null, forget?: () => void): Promise<void> => {
    const args = { id: item.id, reason };
    const is_saved = await act(() => engine.mutate(name, args, baseOf(item)), { text: `${wordOf(words.command, name)}. ${words.saved}` });
    if (!is_saved) return;
    forget?.();
    setAsking(null);
  };
  const start = (command: Command): void => (command.needs_reason ? setAsking(command) : void run(command.name, null));
  return { is_busy, asking, setAsking, run, start };
}

export function ActionBar({ item }: { item: Item }) {
  const { engine, snapshot } = useLive();
  const { is_busy, asking, setAsking, run, start } = useCommands(item);
  const [is_more, setMore] = useState(false);
  const commands = commandsFor(snapshot, engine.me, item);
  const main = commands.filter((command) => command.is_main);
  const others = commands.filter((command) => !command.is_main);
  const has_more = others.length > 0 || mayOn(snapshot, engine.me, item, "item.delete");
  if (main.length === 0 && !has_more) return null;
  return (
    <div class="actions" role="group" aria-label={words.item.actions}>
      {main.map((command, index) => (
        <CommandButton key={command.name} command={command} is_primary={index === 0} is_busy={is_busy} onRun={start} />
      ))}
      {has_more && (
        <button type="button" class="icon-only" aria-label={words.item.other_actions} aria-haspopup="dialog" onClick={() => setMore(true)}>
          <Icon name="more" />
        </button>
      )}
      {is_more && <MoreSheet item={item} commands={others} onRun={start} onClose={() => setMore(false)} />}
      {asking !== null && (
        <ReasonSheet command={asking.name} topic={item.id} is_busy={is_busy} onSave={(reason, forget) => void run(asking.name, reason, forget)} onClose={() => setAsking(null)} />
      )}
    </div>
  );
}

interface ButtonProps {
  readonly command: Command;
  readonly is_primary?: boolean;
  readonly is_busy?: boolean;
  readonly onRun: (command: Command) => void;
}

function CommandButton({ command, is_primary = false, is_busy = false, onRun }: ButtonProps) {
  return (
    <button type="button" class={is_primary ? "primary" : ""} disabled={is_busy} onClick={() => onRun(command)}>
      <Icon name={command.target ?? "check"} />
      {wordOf(words.command, command.name)}
    </button>
  );
}

interface MoreProps {
  readonly item: Item;
  readonly commands: readonly Command[];
  readonly onRun: (command: Command) => void;
  readonly onClose: () => void;
}

function MoreSheet({ item, commands, onRun, onClose }: MoreProps) {
  const { engine, snapshot } = useLive();
  const [is_moving, setMoving] = useState(false);
  const { act } = useActing();
  const sectors = sectorsFor(snapshot, engine.me, "item.move").filter((id) => id !== item.sector_id);
  const move = async (sector_id: Id): Promise<void> => {
    const args = { id: item.id, from_sector_id: item.sector_id, sector_id };
    await act(() => engine.mutate("item.move", args, baseOf(item)), { text: `${say(words.item.moved_to, sectorName(snapshot, sector_id))}. ${words.saved}` });
    onClose();
  };
  const remove = async (): Promise<void> => {
    const restore = (): Promise<Id> => engine.mutate("item.restore", { id: item.id }, null);
    if (await act(() => engine.mutate("item.delete", { id: item.id }, baseOf(item)), { text: words.item.deleted, otherwise: restore })) navigate("/");
  };
  const may_move = sectors.length > 0 && mayOn(snapshot, engine.me, item, "item.move");
  return (
    <Dialog title={words.item.other_actions} onClose={onClose}>
      <div class="stack">
        {commands.map((command) => (
          <CommandButton key={command.name} command={command} onRun={() => (onClose(), onRun(command))} />
        ))}
        {may_move && <button type="button" onClick={() => setMoving(true)}><Icon name="pin" />{words.command["item.move"]}</button>}
        {mayOn(snapshot, engine.me, item, "item.delete") && (
          <>
            <button type="button" class="danger" onClick={() => void remove()}><Icon name="trash" />{words.command["item.delete"]}</button>
            <p class="hint">{words.item.delete_why}</p>
          </>
        )}
      </div>
      {is_moving && (
        <Picker
          title={words.browse.choose_sector}
          topic="sector"
          options={sectors.map((id) => ({ id, name: sectorName(snapshot, id) }))}
          chosen={[]}
          onChoose={([id]) => id !== undefined && void move(id)}
          onClose={() => setMoving(false)}
        />
      )}
    </Dialog>
  );
}
