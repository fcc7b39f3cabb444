/** What a screen wants to show, as `h()` makes it from JSX; types are preact's, whose shape this renderer keeps. */

import type * as Preact from "preact";

export type ComponentChildren = Preact.ComponentChildren;

export type Key = string | number | null | undefined;
export type Props = Readonly<Record<string, unknown>>;
export type Component = (props: never) => unknown;

/** A class, so that nothing that came over the wire is ever taken for an element. */
export class Wanted {
  readonly type: Component | string | null;
  readonly props: Props;
  readonly key: Key;

  constructor(type: Component | string | null, props: Props, key: Key) {
    this.type = type;
    this.props = props;
    this.key = key;
  }
}

export function h(type: Component | string, given: (Props & { key?: Key }) | null, ...children: unknown[]): Wanted {
  const { key, ...props } = given ?? {};
  return new Wanted(type, children.length === 0 ? props : { ...props, children: children.length === 1 ? children[0] : children }, key);
}

export const Fragment = ({ children }: { children?: ComponentChildren }): ComponentChildren => children;

// Where TypeScript looks for the names of elements and their attributes.
export declare namespace h {
  export namespace JSX {
    type Element = Preact.JSX.Element;
    type IntrinsicElements = Preact.JSX.IntrinsicElements;
    type IntrinsicAttributes = Preact.JSX.IntrinsicAttributes;
    type ElementChildrenAttribute = Preact.JSX.ElementChildrenAttribute;
  }
}
