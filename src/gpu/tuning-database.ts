/** Tuned answers in the page's IndexedDB: one record an adapter. */
import { mergeAnswers, parseAnswers, type TuningStore } from "./tuning-store";

const table = "tuning";

/** @param name of the database */
export function databaseStore(name = "thaw"): TuningStore {
  return {
    load: async (adapter) =>
      await inDatabase(name, "readonly", async (store) => parseAnswers(await done(store.get(adapter)))),
    save: async (adapter, answers) =>
      await inDatabase(name, "readwrite", async (store) => {
        const kept = parseAnswers(await done(store.get(adapter)));
        await done(store.put(mergeAnswers(kept, answers), adapter));
      }),
  };
}

/** Opens for one transaction: a connection that stayed open would be in the way of whoever deletes the database. */
async function inDatabase<T>(
  name: string,
  mode: IDBTransactionMode,
  work: (store: IDBObjectStore) => Promise<T>,
): Promise<T> {
  const request = indexedDB.open(name, 1);
  request.addEventListener("upgradeneeded", () => void request.result.createObjectStore(table));
  const database = await done(request);
  try {
    const transaction = database.transaction(table, mode);
    const committed = new Promise<void>((resolve, reject) => {
      transaction.addEventListener("complete", () => resolve());
      transaction.addEventListener("abort", () =>
        reject(transaction.error ?? new Error("the transaction was aborted")),
      );
    });
    const result = await work(transaction.objectStore(table));
    await committed;
    return result;
  } finally {
    database.close();
  }
}

const done = async <T>(request: IDBRequest<T>): Promise<T> =>
  await new Promise<T>((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error ?? new Error("the request failed")));
  });
