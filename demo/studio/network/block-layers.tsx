/** A block unfolded: its layers, what a step does for each, and why not more. */
import type { LayerPlan } from "../../../src/index";
import { formatBytes, formatFlops } from "../../shared/quantities";
import { t } from "../../shared/i18n/index";
import type { BlockInfo, LayerInfo } from "../../worker/protocol";
import { setFrozen } from "../app/actions";
import { activity, frozen, plan } from "../app/state";
import { stateOf, toggled } from "./freeze-line";

export function BlockLayers({ block }: { readonly block: BlockInfo }) {
  const names = block.layers.map(({ name }) => name);
  const locked = activity.value !== undefined;
  const toggle = (layers: readonly string[]) => void setFrozen(toggled(frozen.value, layers));
  return (
    <div class="layers">
      <div class="row spread">
        <h3>{t("layersOf", { block: block.name })}</h3>
        <button type="button" disabled={locked} onClick={() => toggle(names)}>
          {stateOf(block, frozen.value) === "frozen" ? t("thawBlock") : t("freezeBlock")}
        </button>
      </div>
      <div class="scroll" tabIndex={0} role="region" aria-label={t("layersOf", { block: block.name })}>
        <table id="layers">
          <thead>
            <tr>
              <th scope="col">{t("layer")}</th>
              <th scope="col">{t("isFrozen")}</th>
              <th scope="col">{t("forward")}</th>
              <th scope="col">dx</th>
              <th scope="col">dw</th>
              <th scope="col">{t("saved")}</th>
              <th scope="col">{t("flops")}</th>
              <th scope="col">{t("why")}</th>
            </tr>
          </thead>
          <tbody>
            {block.layers.map((layer) => (
              <LayerRow key={layer.name} layer={layer} locked={locked} onToggle={() => toggle([layer.name])} />
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

/** Plans name a layer by its path: the models that it lies in, then its own name. */
const planOf = (name: string): LayerPlan | undefined =>
  plan.value?.layers.find((layer) => layer.name === name || layer.name.endsWith(`/${name}`));

interface RowProps {
  readonly layer: LayerInfo;
  readonly locked: boolean;
  readonly onToggle: () => void;
}

function LayerRow({ layer, locked, onToggle }: RowProps) {
  const step = planOf(layer.name);
  const isFrozen = frozen.value.has(layer.name);
  const input = layer.className === "InputLayer";
  return (
    <tr class={isFrozen ? "is-frozen" : ""}>
      <th scope="row">
        {layer.name} <small>{layer.className}</small>
      </th>
      <td>
        <input
          type="checkbox"
          class="freeze-layer"
          aria-label={t("freezeLayer", { layer: layer.name })}
          checked={isFrozen}
          disabled={locked}
          onChange={onToggle}
        />
      </td>
      <td>
        {!step || input ? (
          <Cell kind="nothing" what={t("forward")} />
        ) : step.forward.length > 0 ? (
          <Cell kind="computed" what={t("forward")} />
        ) : (
          <span class="quiet">{t("merged")}</span>
        )}
      </td>
      <td>
        <Cell kind={!step || input ? "nothing" : step.dx ? "computed" : "skipped"} what="dx" />
      </td>
      <td>
        <Cell kind={!step || layer.parameters === 0 ? "nothing" : step.dw ? "computed" : "skipped"} what="dw" />
      </td>
      <td>{step && step.savedActivationBytes > 0 ? formatBytes(step.savedActivationBytes) : "–"}</td>
      <td>{step ? formatFlops(step.flops) : "–"}</td>
      <td class="why">{step && reasonOf(step, layer.name)}</td>
    </tr>
  );
}

/** The row has the layer's name already. The reason itself is the plan's, in the engine's words. */
const reasonOf = ({ reason }: LayerPlan, name: string) =>
  reason.replaceAll(`below ${name}`, "below it").replaceAll(`${name} is`, "it is");

function Cell({ kind, what }: { readonly kind: "computed" | "skipped" | "nothing"; readonly what: string }) {
  const said = t(kind, { what });
  return (
    <span class={`cell ${kind}`} role="img" aria-label={said} title={said}>
      {kind === "nothing" ? "–" : ""}
    </span>
  );
}
