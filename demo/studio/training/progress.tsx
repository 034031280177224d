/** What is going on: how far, how long still, and what can be done about it. */
import { duration, t } from "../../shared/i18n/index";
import { pause, stop, undo } from "../app/actions";
import { activity, busy, idle, runs, settings, type Activity } from "../app/state";
import { lookOf } from "./runs";

export function Progress() {
  const now = activity.value;
  const last = runs.value.findLast((run) => run.phase !== "scratch" && run.end);
  const best = last?.end;
  const undoable = best && best.bestEpoch < Math.ceil(last.points.at(-1)?.epoch ?? 0);
  return (
    <div class="progress">
      <progress
        max={1}
        value={now && now.steps > 0 ? now.step / now.steps : 0}
        aria-label={t("training")}
        hidden={!now}
      />
      <p id="status" role="status">
        {now ? <Running now={now} /> : <Last />}
      </p>
      {now && (
        <div class="row">
          <button
            type="button"
            onClick={() => void pause(!(now.paused || now.pausing))}
            disabled={now.steps > 0 && now.step >= now.steps}
          >
            {now.paused || now.pausing ? t("resume") : t("pause")}
          </button>
          <button type="button" onClick={() => void stop()}>
            {t("stop")}
          </button>
        </div>
      )}
      {!now && undoable && (
        <button
          type="button"
          disabled={!idle.value}
          title={t("undoNow", { epoch: best.bestEpoch })}
          onClick={() => void undo()}
        >
          {t("undo")}
        </button>
      )}
    </div>
  );
}

function Running({ now }: { readonly now: Activity }) {
  const phase = lookOf(now.phase).label;
  if (now.paused) return <>{t("paused")}</>;
  if (now.features) return <>{t("features", { phase, ...now.features })}</>;
  if (now.steps === 0) return <>{t("starting", { phase })}</>;
  const share = now.step / now.steps;
  const seconds = ((performance.now() - now.started) / 1000) * (1 / share - 1);
  return (
    <>
      {t("running", { phase, epoch: now.epoch, epochs: settings.value.epochs })}
      {share > 0.05 && share < 1 && `, ${t("left", { time: duration(seconds) })}`}
      {now.pausing && `. ${t("pausing")}`}
    </>
  );
}

function Last() {
  if (busy.value === "loading") return <>{t("loading")}</>;
  const run = runs.value.at(-1);
  if (!run?.end) return <>{t("ready")}</>;
  const phase = lookOf(run.phase).label;
  const { ended, seconds, steps } = run.end;
  return (
    <>{ended === "aborted" ? t("aborted", { phase, steps }) : t("finished", { phase, time: duration(seconds) })}</>
  );
}
