/** What the page says where something is missing or has gone wrong. */
import { t } from "../../shared/i18n/index";
import { problem } from "./state";

export function NoWebGpu() {
  return (
    <section class="card notice" aria-labelledby="no-webgpu">
      <h1 id="no-webgpu">{t("noWebGpuTitle")}</h1>
      <p>{t("noWebGpu")}</p>
      <ul>
        <li>{t("noWebGpuChrome")}</li>
        <li>{t("noWebGpuSafari")}</li>
        <li>{t("noWebGpuFirefox")}</li>
      </ul>
      <p class="quiet">{t("noWebGpuLinux")}</p>
    </section>
  );
}

export function Failed({ message }: { readonly message: string }) {
  return (
    <section class="card notice" aria-labelledby="failed">
      <h1 id="failed">{t("failedTitle")}</h1>
      <p role="alert">{message}</p>
      <button type="button" class="primary" onClick={() => location.reload()}>
        {t("reload")}
      </button>
    </section>
  );
}

/** The last thing that went wrong, until it is closed or something else is done. */
export function Problem() {
  if (problem.value === undefined) return null;
  return (
    <div class="problem" role="alert">
      <p>
        <b>{t("problem")}.</b> {problem.value}
      </p>
      <button type="button" onClick={() => (problem.value = undefined)}>
        {t("close")}
      </button>
    </div>
  );
}
