/** The network as a strip of blocks, the freeze line, and what it costs to have it there. */
import { signal } from "@preact/signals";
import { Drop, FileButton } from "../../shared/components/drop";
import { download } from "../../shared/download";
import { droppedFiles } from "../../shared/dropped-files";
import { count, t } from "../../shared/i18n/index";
import { loadNetwork, planFile } from "../app/actions";
import { busy, idle, network } from "../app/state";
import { BlockLayers } from "./block-layers";
import { Consequences } from "./consequences";
import { StepPlayer } from "./step-player";
import { Strip } from "./strip";

/** Which block is unfolded, by its place. */
const unfolded = signal<number | undefined>(undefined);

export function NetworkSection() {
  const net = network.value!;
  const block = unfolded.value === undefined ? undefined : net.blocks[unfolded.value];
  return (
    <section class="card" id="network" aria-labelledby="network-title">
      <h2 id="network-title">{t("network")}</h2>
      <p class="intro">{t("networkIntro")}</p>
      <p class="quiet name">
        {net.name} · {net.inputShape.join(" × ")} · {count(net.parameters)}
      </p>
      <Strip unfolded={unfolded.value} onUnfold={(at) => (unfolded.value = at === unfolded.value ? undefined : at)} />
      <StepPlayer />
      {block && <BlockLayers block={block} />}
      <Consequences />
      <div class="row">
        <button
          type="button"
          disabled={!idle.value}
          onClick={() => {
            void (async () => {
              const text = await planFile();
              if (text !== undefined) download("plan.json", text, "application/json");
            })();
          }}
        >
          {t("downloadPlan")}
        </button>
      </div>
      <Drop
        title={t("dropNetwork")}
        text={busy.value === "loading" ? t("loading") : t("dropNetworkHow")}
        disabled={!idle.value}
        onDrop={(transfer) => {
          void (async () => await loadNetwork((await droppedFiles(transfer)).map(({ file }) => file)))();
        }}
      >
        <FileButton
          label={t("chooseFiles")}
          disabled={!idle.value}
          multiple
          onFiles={(files) => void loadNetwork(files)}
        />
      </Drop>
    </section>
  );
}
