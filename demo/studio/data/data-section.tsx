/** The images: classes, counts, thumbnails, and how to bring one's own. */
import { Drop, FileButton } from "../../shared/components/drop";
import { Picture } from "../../shared/components/picture";
import { chosenFiles, droppedFiles } from "../../shared/dropped-files";
import { t } from "../../shared/i18n/index";
import type { DataClass } from "../../worker/protocol";
import { backToEmbedded, loadImages, removeImage } from "../app/actions";
import { busy, data, idle } from "../app/state";

export function DataSection() {
  const { classes, own, skipped } = data.value!;
  const sum = (key: "training" | "validation") => classes.reduce((n, c) => n + c[key], 0);
  return (
    <section class="card" id="data" aria-labelledby="data-title">
      <h2 id="data-title">{t("data")}</h2>
      <p class="intro">
        {t("dataIntro", { training: sum("training"), validation: sum("validation") })} {!own && t("dataEmbedded")}
      </p>
      {classes.map((one) => (
        <ImageClass key={one.name} one={one} />
      ))}
      {skipped.length > 0 && (
        <details>
          <summary>{t("skippedImages", { count: skipped.length })}</summary>
          <ul>
            {skipped.slice(0, 50).map(({ name, reason }) => (
              <li key={name}>
                {name}: {reason}
              </li>
            ))}
          </ul>
        </details>
      )}
      <Drop
        title={t("dropData")}
        text={busy.value === "loading" ? t("loading") : t("dropDataHow")}
        disabled={!idle.value}
        onDrop={(transfer) => {
          void (async () => await loadImages(await droppedFiles(transfer)))();
        }}
      >
        <FileButton
          label={t("chooseFolder")}
          disabled={!idle.value}
          multiple
          folder
          onFiles={(files) => void loadImages(chosenFiles(files))}
        />
        <FileButton
          label={t("chooseZip")}
          disabled={!idle.value}
          accept=".zip,application/zip"
          onFiles={(files) => void loadImages(chosenFiles(files))}
        />
        {own && (
          <button type="button" disabled={!idle.value} onClick={() => void backToEmbedded()}>
            {t("backToEmbedded")}
          </button>
        )}
      </Drop>
    </section>
  );
}

function ImageClass({ one }: { readonly one: DataClass }) {
  return (
    <div class="image-class">
      <h3>
        {one.name} <small>{t("classCount", { training: one.training, validation: one.validation })}</small>
      </h3>
      <ul class="thumbnails">
        {one.thumbnails.map((thumbnail) => {
          const label = t("removeImage", { name: thumbnail.name });
          return (
            <li key={thumbnail.name}>
              <button
                type="button"
                class="thumbnail"
                aria-label={label}
                title={label}
                disabled={!idle.value}
                onClick={() => void removeImage(thumbnail.index)}
              >
                <Picture {...thumbnail} />
              </button>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
