import { LabelMatchers, LabelName, parser, StringLiteral, VectorSelector } from '@prometheus-io/lezer-promql';

/** A vector selector, such as `metric{label="value"}`. */
export interface Selector {
  readonly metric: string;
  /** The values of labels matched with `=`. */
  readonly exact: Readonly<Record<string, string>>;
  /** All labels that it matches. */
  readonly labels: readonly string[];
}

/** Every selector in an expression, by Prometheus' own grammar; throws if it isn't PromQL. */
export function selectorsOf(expression: string): Selector[] {
  const selectors: Selector[] = [];
  parser.parse(expression).iterate({
    enter({ type, from, node }) {
      if (type.isError) throw new Error(`Not PromQL from character ${from} on: ${expression}`);
      if (type.id !== VectorSelector) return;
      const text = (child: { from: number; to: number } | null) =>
        child ? expression.slice(child.from, child.to) : '';
      const matchers = node.getChild(LabelMatchers)?.getChildren('UnquotedLabelMatcher') ?? [];
      const pairs = matchers.map((matcher) => ({
        label: text(matcher.getChild(LabelName)),
        operator: text(matcher.getChild('MatchOp')),
        value: text(matcher.getChild(StringLiteral)).slice(1, -1),
      }));
      selectors.push({
        metric: text(node.getChild('Identifier')),
        exact: Object.fromEntries(
          pairs.filter(({ operator }) => operator === '=').map(({ label, value }) => [label, value]),
        ),
        labels: pairs.map(({ label }) => label),
      });
    },
  });
  return selectors;
}
