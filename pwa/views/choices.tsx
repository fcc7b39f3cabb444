/** A few large buttons of which one, or some, are chosen. */

import { h } from "preact";

interface Props {
  readonly label: string;
  readonly options: readonly (readonly [value: string, word: string])[];
  readonly chosen: readonly string[];
  readonly onToggle: (value: string) => void;
}

export function Choices({ label, ...row }: Props) {
  return (
    <fieldset class="choices">
      <legend>{label}</legend>
      <ChoicesRow {...row} />
    </fieldset>
  );
}

export function ChoicesRow({ options, chosen, onToggle }: Omit<Props, "label">) {
  return (
    <div class="choices-row">
      {options.map(([value, word]) => (
        <button key={value} type="button" class="choice" aria-pressed={chosen.includes(value)} onClick={() => onToggle(value)}>
          {word}
        </button>
      ))}
    </div>
  );
}

export const toggled = <T,>(list: readonly T[], one: T): T[] => (list.includes(one) ? list.filter((other) => other !== one) : [...list, one]);
