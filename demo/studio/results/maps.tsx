/** Feature maps of one image, layer by layer. */
import { signal } from "@preact/signals";
import { Picture } from "../../shared/components/picture";
import { t } from "../../shared/i18n/index";
import type { FeatureMaps } from "../../worker/protocol";

const chosen = signal(0);

export function Maps({ maps }: { readonly maps: readonly FeatureMaps[] }) {
  const at = Math.min(chosen.value, maps.length - 1);
  const { layer, shown, channels } = maps[at];
  const said = t("mapsOf", { layer: layer.split("/").at(-1)!, shown, channels });
  return (
    <div class="maps">
      <h3>{t("maps")}</h3>
      <p class="quiet">{t("mapsHow")}</p>
      <label>
        <span id="maps-layer">{said}</span>
        <input
          type="range"
          min={0}
          max={maps.length - 1}
          step={1}
          value={at}
          aria-label={t("maps")}
          aria-valuetext={said}
          onInput={(event) => (chosen.value = event.currentTarget.valueAsNumber)}
        />
      </label>
      <Picture {...maps[at]} label={said} />
    </div>
  );
}
