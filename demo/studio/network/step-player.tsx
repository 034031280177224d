/** Plays one step slowly over the strip, and says what is happening. */
import { computed, effect, signal } from "@preact/signals";
import { formatBytes } from "../../shared/quantities";
import { t } from "../../shared/i18n/index";
import type { NetworkInfo } from "../../worker/protocol";
import { network, plan } from "../app/state";
import { beatsOf, type Beat } from "./slow-step";

const beats = signal<readonly Beat[]>([]);
const at = signal(-1);
/** A step of seconds: long enough to follow. */
const pace = 420;

/** What the strip shows now; undefined while nothing is played. */
export const beat = computed<Beat | undefined>(() => beats.value[at.value]);

/** How a block looks within the step: the pass that is at it, or what the backward pass has left behind. */
export function playing(block: number): string {
  const now = beat.value;
  if (!now) return "";
  if (now.at === block) return `at-${now.pass}`;
  const done = beats.value.slice(0, at.value).findLast((b) => b.at === block);
  // Everything below a stop is left out of the backward pass.
  if (now.pass === "stop" && block < now.at) return "left-out";
  return done ? `after-${done.pass}` : "";
}

let timer: ReturnType<typeof setTimeout> | undefined;

function stopPlaying(): void {
  clearTimeout(timer);
  at.value = -1;
  beats.value = [];
}

// Another plan is another step.
effect(() => {
  if (plan.value) stopPlaying();
});

function play(): void {
  stopPlaying();
  if (!network.value || !plan.value) return;
  beats.value = beatsOf(network.value.blocks, plan.value);
  const next = () => {
    at.value++;
    const last = at.value >= beats.value.length - 1;
    timer = setTimeout(last ? stopPlaying : next, last ? 10 * pace : pace);
  };
  next();
}

export function StepPlayer() {
  const now = beat.value;
  return (
    <div class="row player">
      <button type="button" onClick={() => (now ? stopPlaying() : play())}>
        {now ? t("stepStop") : t("stepPlay")}
      </button>
      <p id="beat" role="status">
        {now && say(now, network.value!)}
      </p>
      {now && (
        <span class="saved-now">
          {t("saved")}: <b>{formatBytes(now.saved)}</b>
        </span>
      )}
    </div>
  );
}

function say({ pass, at: place, dx, dw }: Beat, { blocks, head }: NetworkInfo): string {
  const block = blocks[place]?.name ?? head.map(({ name }) => name).join(", ");
  if (pass === "forward") return t("beatForward", { block });
  if (pass === "stop") return t("beatStop", { block });
  if (dx && dw) return t("beatBoth", { block });
  return t(dw ? "beatDw" : "beatDx", { block });
}
