/** The trained network as files, and the runs as a report. */
import { signal } from "@preact/signals";
import { download } from "../../shared/download";
import { t, type Key } from "../../shared/i18n/index";
import { formatBytes } from "../../shared/quantities";
import type { KeepFormat } from "../../worker/protocol";
import { save } from "../app/actions";
import { idle, runs, trained } from "../app/state";
import { report } from "./report";

const kinds: readonly (readonly [format: KeepFormat, label: string, title: Key])[] = [
  ["keras", "Keras", "keepKeras"],
  ["onnx", "ONNX", "keepOnnx"],
  ["tfjs", "TF.js", "keepTfjs"],
  ["safetensors", "safetensors", "keepSafetensors"],
];

const handed = signal("");

async function keep(format: KeepFormat): Promise<void> {
  const files = await save(format);
  if (!files) return;
  for (const { name, bytes } of files) download(name, bytes);
  handed.value = files.map(({ name, bytes }) => `${name} (${formatBytes(bytes.length)})`).join(", ");
}

export function KeepSection() {
  const something = trained.value.has("head");
  return (
    <section class="card" id="keep" aria-labelledby="keep-title">
      <h2 id="keep-title">{t("keep")}</h2>
      <p class="intro">{something ? t("keepIntro") : t("keepNone")}</p>
      <ul class="formats">
        {kinds.map(([format, label, title]) => (
          <li key={format}>
            <button type="button" disabled={!idle.value || !something} onClick={() => void keep(format)}>
              {label}
            </button>
            <small>{t(title)}</small>
          </li>
        ))}
        <li>
          <button
            type="button"
            disabled={!idle.value || runs.value.length === 0}
            onClick={() => download("thaw-report.json", JSON.stringify(report(), null, 2), "application/json")}
          >
            {t("report")}
          </button>
          <small>{t("keepReport")}</small>
        </li>
      </ul>
      <p class="quiet" id="saved" role="status">
        {handed.value && t("handed", { files: handed.value })}
      </p>
    </section>
  );
}
