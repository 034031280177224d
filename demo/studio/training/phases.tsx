/** The three trainings in their order, each with what it is for. */
import { t, type Key } from "../../shared/i18n/index";
import { phases, type Phase } from "../../worker/protocol";
import { train } from "../app/actions";
import { activity, idle, trained } from "../app/state";

const words: Readonly<Record<Phase, readonly [name: Key, why: Key]>> = {
  head: ["head", "headWhy"],
  fineTune: ["fineTune", "fineTuneWhy"],
  scratch: ["scratch", "scratchWhy"],
};

export function Phases() {
  const done = trained.value;
  // What comes next has the weight of the one thing to do.
  const next = phases.find((phase) => !done.has(phase));
  return (
    <ol class="phases">
      {phases.map((phase) => {
        const [name, why] = words[phase];
        const waits = phase === "fineTune" && !done.has("head");
        const state = activity.value?.phase === phase ? "now" : done.has(phase) ? "done" : "";
        return (
          <li key={phase} class={`phase ${phase} ${state}`}>
            <p>{t(why)}</p>
            <button
              type="button"
              class={phase === next && !activity.value ? "primary" : ""}
              disabled={!idle.value || waits}
              title={waits ? t("needsHead") : ""}
              onClick={() => void train(phase)}
            >
              {t(name)}
              {done.has(phase) && <span class="again"> {t("again")}</span>}
            </button>
          </li>
        );
      })}
    </ol>
  );
}
