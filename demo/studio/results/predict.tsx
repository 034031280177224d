/** One image of the visitor's: what the network says, and where it looks. */
import { signal } from "@preact/signals";
import { Drop, FileButton } from "../../shared/components/drop";
import { Picture } from "../../shared/components/picture";
import { percent, t } from "../../shared/i18n/index";
import type { Prediction } from "../../worker/protocol";
import { predict } from "../app/actions";
import { idle } from "../app/state";
import { Maps } from "./maps";

const answer = signal<Prediction | undefined>(undefined);

async function ask(files: Iterable<File>): Promise<void> {
  const [image] = files;
  if (image) answer.value = await predict(image);
}

export function Predict() {
  const said = answer.value;
  return (
    <div class="predict">
      <Drop
        title={t("predict")}
        text={t("predictHow")}
        disabled={!idle.value}
        onDrop={(transfer) => void ask(transfer.files)}
      >
        <FileButton
          label={t("chooseImage")}
          disabled={!idle.value}
          accept="image/*"
          onFiles={(files) => void ask(files)}
        />
      </Drop>
      {said && (
        <div class="prediction" role="status">
          <figure>
            <Picture {...said.image} label={t("yourImage")} />
            <figcaption>{t("yourImage")}</figcaption>
          </figure>
          <figure>
            <Picture {...said.evidence} label={t("evidenceAlt")} />
            <figcaption>{t("evidence", { layer: said.layer.split("/").at(-1)! })}</figcaption>
          </figure>
          <ol class="classes">
            {said.classes.map(({ name, probability }) => (
              <li key={name}>
                <span class="layer">{name}</span>
                <span class="meter" aria-hidden="true">
                  <span style={{ width: `${100 * probability}%` }} />
                </span>
                <b>{percent(probability)}</b>
              </li>
            ))}
          </ol>
        </div>
      )}
      {said && said.maps.length > 0 && <Maps maps={said.maps} />}
    </div>
  );
}
