/** Blocks from the input up, and the freeze line between them: dragged, or moved by keys. */
import { useRef } from "preact/hooks";
import { count, t } from "../../shared/i18n/index";
import type { BlockInfo } from "../../worker/protocol";
import { setFrozen } from "../app/actions";
import { activity, frozen, network } from "../app/state";
import { below, isLine, lineAt, stateOf, type BlockState } from "./freeze-line";
import { playing } from "./step-player";

const words = { frozen: "isFrozen", trainable: "isTrainable", mixed: "isMixed" } as const;

export interface StripProps {
  readonly unfolded: number | undefined;
  readonly onUnfold: (block: number) => void;
}

export function Strip({ unfolded, onUnfold }: StripProps) {
  const { blocks, head } = network.value!;
  const columns = blocks.length + 1;
  const track = useRef<HTMLDivElement>(null);
  const locked = activity.value !== undefined;
  const headWeights = head.reduce((n, layer) => n + layer.parameters, 0);
  return (
    <div class="strip-scroll">
      <div class="strip" ref={track} style={{ gridTemplateColumns: `repeat(${columns}, minmax(2.25rem, 1fr))` }}>
        {blocks.map((block, i) => (
          <Block
            key={i}
            block={block}
            state={stateOf(block, frozen.value)}
            open={i === unfolded}
            step={playing(i)}
            onOpen={() => onUnfold(i)}
          />
        ))}
        <span class={`block new ${playing(blocks.length)}`} title={`${t("isNew")}: ${count(headWeights)}`}>
          <span class="bar" style={{ height: barHeight(headWeights) }} />
          <span class="label">{head.map((layer) => layer.name).join(" ")}</span>
        </span>
        <Handle columns={columns} blocks={blocks} locked={locked} track={track} />
      </div>
      <ul class="legend">
        <li>
          <span class="key frozen" /> {t("isFrozen")}
        </li>
        <li>
          <span class="key trainable" /> {t("isTrainable")}
        </li>
        <li>
          <span class="key new" /> {t("isNew")}
        </li>
        <li class="quiet">{t("freezeHelp")}</li>
      </ul>
    </div>
  );
}

/** By the logarithm of the weights: the largest blocks have a thousand times those of the smallest. */
const barHeight = (weights: number) => `${Math.round(12 + 11 * Math.log10(weights + 1))}px`;

interface BlockProps {
  readonly block: BlockInfo;
  readonly state: BlockState;
  readonly open: boolean;
  /** Where the step is that is played. */
  readonly step: string;
  readonly onOpen: () => void;
}

function Block({ block, state, open, step, onOpen }: BlockProps) {
  const weights = block.layers.reduce((n, layer) => n + layer.parameters, 0);
  const said = t("block", { block: block.name, state: t(words[state]), layers: block.layers.length });
  return (
    <button
      type="button"
      class={`block ${state} ${step}`}
      aria-expanded={open}
      aria-label={said}
      title={said}
      onClick={onOpen}
    >
      <span class="bar" style={{ height: barHeight(weights) }} />
      <span class="label">{block.name}</span>
    </button>
  );
}

interface HandleProps {
  readonly columns: number;
  readonly blocks: readonly BlockInfo[];
  readonly locked: boolean;
  readonly track: { readonly current: HTMLDivElement | null };
}

function Handle({ columns, blocks, locked, track }: HandleProps) {
  const line = lineAt(blocks, frozen.value);
  const move = (to: number) => {
    const next = Math.min(blocks.length, Math.max(0, to));
    if (!locked && (next !== line || !isLine(blocks, frozen.value))) void setFrozen(below(blocks, next));
  };
  const follow = (event: PointerEvent) => {
    const { left, width } = track.current!.getBoundingClientRect();
    move(Math.round(((event.clientX - left) / width) * columns));
  };
  const keys: Readonly<Record<string, number>> = {
    ArrowRight: line + 1,
    ArrowUp: line + 1,
    ArrowLeft: line - 1,
    ArrowDown: line - 1,
    PageUp: line + 4,
    PageDown: line - 4,
    Home: 0,
    End: blocks.length,
  };
  return (
    <div
      class={`freeze-line${locked ? " locked" : ""}`}
      role="slider"
      tabIndex={0}
      aria-label={t("freezeLine")}
      aria-orientation="horizontal"
      aria-valuemin={0}
      aria-valuemax={blocks.length}
      aria-valuenow={line}
      aria-valuetext={lineText(blocks, frozen.value)}
      aria-disabled={locked}
      style={{ left: `${(100 * line) / columns}%` }}
      onKeyDown={(event) => {
        const to = keys[event.key];
        if (to === undefined) return;
        event.preventDefault();
        move(to);
      }}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) follow(event);
      }}
    >
      <span class="grip" />
    </div>
  );
}

/** What the line says, in words. */
export function lineText(blocks: readonly BlockInfo[], names: ReadonlySet<string>): string {
  const line = lineAt(blocks, names);
  if (!isLine(blocks, names)) {
    const all = blocks.reduce((n, block) => n + block.layers.length, 0);
    return t("freezeMixed", { count: names.size, all });
  }
  if (line === 0) return t("freezeNone");
  if (line === blocks.length) return t("freezeAll");
  return t("freezeUpTo", { block: blocks[line - 1].name, count: line, all: blocks.length });
}
