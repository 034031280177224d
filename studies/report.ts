/** The study as tables: mean and spread over seeds. */
import type { Study } from "./main";

interface Summary {
  readonly mean: number;
  /** Standard deviation of the sample (n - 1); NaN for one seed. */
  readonly spread: number;
  readonly seeds: number;
}

function summarize(values: readonly number[]): Summary {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const spread = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1));
  return { mean, spread, seeds: values.length };
}

const shares = /accuracy|before|linear/i;

function cell(name: string, { mean, spread }: Summary): string {
  const [scale, digits, unit] = shares.test(name)
    ? [100, 1, " %"]
    : /bytes/i.test(name)
      ? [1 / 1024 ** 2, 1, " MB"]
      : [1, Math.abs(mean) < 1 ? 4 : 1, ""];
  const text = (scale * mean).toFixed(digits);
  return Number.isFinite(spread) ? `${text} ± ${(scale * spread).toFixed(digits)}${unit}` : `${text}${unit}`;
}

/** Markdown: a table an experiment, a row a condition. */
export function report({ adapter, commit, rows }: Pick<Study, "adapter" | "commit" | "rows">): string {
  const ids = [...new Set(rows.map((r) => r.id))];
  const groups = [...new Set(ids.map((id) => id.split("/")[0]))];
  const tables = groups.map((group) => {
    const own = ids.filter((id) => id.split("/")[0] === group);
    const names = [...new Set(rows.filter((r) => own.includes(r.id)).flatMap((r) => Object.keys(r.measured)))];
    const lines = own.map((id) => {
      const found = rows.filter((r) => r.id === id);
      const cells = names.map((name) => {
        const values = found.flatMap((r) => (r.measured[name] === undefined ? [] : [r.measured[name]]));
        return values.length > 0 ? cell(name, summarize(values)) : "";
      });
      return `| ${[id.slice(group.length + 1), found.length, ...cells].join(" | ")} |`;
    });
    const header = [group, "seeds", ...names];
    return [`| ${header.join(" | ")} |`, `| ${header.map(() => "---").join(" | ")} |`, ...lines].join("\n");
  });
  return [`${adapter}, commit ${commit}. Mean and standard deviation over seeds, on held-out images.`, ...tables].join(
    "\n\n",
  );
}
