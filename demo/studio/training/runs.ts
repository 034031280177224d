/** How runs are named and told apart: by colour, and by their dashes. */
import { t, type Key } from "../../shared/i18n/index";
import type { Phase } from "../../worker/protocol";

const looks: Readonly<Record<Phase, { name: Key; color: string; dash?: readonly number[] }>> = {
  head: { name: "runHead", color: "--run-head" },
  fineTune: { name: "runFineTune", color: "--run-fine-tune", dash: [10, 4] },
  scratch: { name: "runScratch", color: "--run-scratch", dash: [2, 4] },
};

export const lookOf = (phase: Phase) => ({ ...looks[phase], label: t(looks[phase].name) });
