/**
 * Makes the document what the components want, and keeps it so: a component is asked again when its state changes, and only what
 * differs is touched. Children are matched by their key, or by their place and type; `null` and `false` hold a place.
 */

import { Fragment, Wanted, type Component, type Props } from "./elements.ts";

type Dom = HTMLElement | SVGElement | Text;
export type Cleanup = (() => void) | void;

/** What a hook keeps between two askings; `cleanup` runs before its effect runs again and when its component goes. */
export interface Cell {
  value?: unknown;
  deps?: readonly unknown[] | undefined;
  effect?: (() => unknown) | null;
  /** The list that the effect waits in. */
  round?: Cell[];
  cleanup?: unknown;
}

/** An element, a text or a component that is shown. */
export class Shown {
  wanted: Wanted;
  readonly parent: Shown | null;
  readonly depth: number;
  kids: (Shown | null)[] = [];
  dom: Dom | null = null;
  cells: Cell[] = [];
  is_due = true;
  is_gone = false;

  constructor(wanted: Wanted, parent: Shown | null) {
    this.wanted = wanted;
    this.parent = parent;
    this.depth = parent === null ? 0 : parent.depth + 1;
  }
}

/** The component being asked, and how many of its hooks have been called. */
export const asked: { now: Shown | null; hooks: number } = { now: null, hooks: 0 };

const due = new Set<Shown>();
/** Effects of this round: at once after the document is in order, and once it was painted. */
export const at_once: Cell[] = [];
export const when_painted: Cell[] = [];

/** Shows `wanted` in an empty place of the document. */
export function render(wanted: unknown, place: HTMLElement): void {
  const root = new Shown(new Wanted("", {}, null), null);
  root.dom = place;
  matchKids(root, [wanted]);
  arrange(root);
  runEffects(at_once);
  setTimeout(runEffects, 0, when_painted);
}

/** Asks a component again, together with all others of this turn. */
export function askAgain(component: Shown): void {
  component.is_due = true;
  if (due.size === 0) queueMicrotask(refresh);
  due.add(component);
}

function refresh(): void {
  runEffects(when_painted);
  const waiting = [...due].sort((a, b) => a.depth - b.depth);
  due.clear();
  for (const shown of waiting) {
    if (!shown.is_due || shown.is_gone) continue; // its parent has asked it, or let it go
    update(shown, shown.wanted);
    arrange(hostOf(shown));
  }
  runEffects(at_once);
  setTimeout(runEffects, 0, when_painted);
}

function runEffects(cells: Cell[]): void {
  for (const cell of cells.splice(0)) {
    const { effect } = cell;
    if (!effect) continue; // its component is gone
    cell.effect = null;
    clean(cell);
    cell.cleanup = effect();
  }
}

function clean(cell: Cell): void {
  if (typeof cell.cleanup === "function") cell.cleanup();
  cell.cleanup = null;
}

function update(shown: Shown, wanted: Wanted): void {
  const { props: before } = shown.wanted;
  if (wanted === shown.wanted && !shown.is_due) return;
  shown.wanted = wanted;
  shown.is_due = false;
  const { type, props } = wanted;
  if (typeof type === "function") return updateComponent(shown, type);
  if (type === null) return showText(shown, String(props["text"]));
  const is_new = shown.dom === null;
  const element = (shown.dom ??= create(type)) as HTMLElement;
  setProps(element, is_new ? {} : before, props);
  matchKids(shown, [props["children"]].flat());
  arrange(shown);
  setValue(element, props);
  if (is_new) refer(shown, element);
}

/** Effects of children come before those of their parents. */
function updateComponent(shown: Shown, component: Component): void {
  asked.now = shown;
  asked.hooks = 0;
  matchKids(shown, [component(shown.wanted.props as never)].flat());
  for (const cell of shown.cells) if (cell.effect) cell.round?.push(cell);
}

function showText(shown: Shown, text: string): void {
  const node = (shown.dom ??= document.createTextNode(text)) as Text;
  if (node.data !== text) node.data = text;
}

const create = (type: string): HTMLElement | SVGElement =>
  type === "svg" || type === "use" ? document.createElementNS("http://www.w3.org/2000/svg", type) : document.createElement(type);

function refer(shown: Shown, element: HTMLElement | null): void {
  const ref = shown.wanted.props["ref"] as { current: HTMLElement | null } | undefined;
  if (ref) ref.current = element;
}

/** A place among its siblings is kept by what wants nothing there; a list is one place. */
function wantedOf(child: unknown): Wanted | null {
  if (child === null || child === undefined || typeof child === "boolean") return null;
  if (child instanceof Wanted) return child;
  return Array.isArray(child) ? new Wanted(Fragment, { children: child }, null) : new Wanted(null, { text: child }, null);
}

/** What is not wanted any more goes before anything new comes. */
function matchKids(owner: Shown, children: readonly unknown[]): void {
  const by_key = new Map(owner.kids.map((kid) => [kid?.wanted.key, kid]));
  const wants = children.map(wantedOf);
  const kids = wants.map((want, place) => {
    const old = want?.key == null ? owner.kids[place] : by_key.get(want.key);
    return want && (old?.wanted.type === want.type && old.wanted.key == want.key ? old : new Shown(want, owner));
  });
  for (const kid of owner.kids) if (kid && !kids.includes(kid)) discard(kid, true);
  owner.kids = kids;
  kids.forEach((kid, place) => kid && update(kid, wants[place]!));
}

function discard(shown: Shown, is_top: boolean): void {
  shown.is_gone = true;
  for (const cell of shown.cells) {
    cell.effect = null;
    clean(cell);
  }
  refer(shown, null);
  for (const kid of shown.kids) if (kid) discard(kid, is_top && shown.dom === null);
  if (is_top) shown.dom?.remove();
}

function hostOf(shown: Shown): Shown {
  const { parent } = shown;
  return parent === null || parent.dom !== null ? (parent ?? shown) : hostOf(parent);
}

function nodesOf(shown: Shown): Dom[] {
  return shown.kids.flatMap((kid) => (kid === null ? [] : kid.dom === null ? nodesOf(kid) : kid.dom));
}

/** Puts the nodes of an element's children in their order; what stands right is not moved, so that it keeps focus and scrolling. */
function arrange(host: Shown): void {
  let next = host.dom!.firstChild;
  for (const node of nodesOf(host)) {
    if (node === next) next = next.nextSibling;
    else host.dom!.insertBefore(node, next);
  }
}

type Listening = HTMLElement & { heard?: Record<string, (event: Event) => void> };

function hear(this: Listening, event: Event): void {
  this.heard?.[event.type]?.(event);
}

function setProps(element: Listening, before: Props, after: Props): void {
  for (const name in { ...before, ...after }) {
    const value = after[name];
    if (value === before[name] || /^(children|ref|value)$/.test(name)) continue;
    if (name.startsWith("on")) {
      const type = name.slice(2).toLowerCase();
      element.heard ??= {};
      element.heard[type] = value as (event: Event) => void;
      element.addEventListener(type, hear); // the same function twice is heard once
    } else if (name === "style") Object.assign(element.style, value);
    else if (value === undefined || value === null || (value === false && !/^aria|^spell/.test(name))) element.removeAttribute(name);
    else element.setAttribute(name, value === true && !name.startsWith("aria") ? "" : String(value));
  }
}

/** Last, since limits and options decide what an input takes; what the person typed is not written over by the same. */
function setValue(element: HTMLElement & { value?: unknown }, { value }: Props): void {
  if (value != null && element.value !== value) element.value = value;
}
