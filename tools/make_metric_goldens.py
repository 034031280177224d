"""Writes tests/fixtures/metrics.json: Keras's Precision, Recall, F1Score, FBetaScore and AUC on fixed predictions, and what Keras lacks by its formula.

    python tools/make_metric_goldens.py

Predictions have ties, numbers on the edges of AUC's buckets, and a class without samples. Precision and recall of the likeliest class, confusion matrix
and expected calibration error (Guo et al. 2017) are NumPy in float64.
"""

import json
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np

import common

M = keras.metrics


def softmax_set(generator):
    logits = generator.normal(0, 2, (57, 4))
    scores = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    scores[3] = [0.4, 0.4, 0.1, 0.1]  # ties
    scores[4] = [0.25, 0.25, 0.25, 0.25]
    scores[5] = [1, 0, 0, 0]
    scores[6] = [0, 0.5, 0.5, 0]
    ids = generator.integers(0, 3, 57)  # no sample of class 3
    return scores.astype(np.float32), np.eye(4, dtype=np.float32)[ids]


def binary_set(generator):
    scores = generator.uniform(0, 1, (61, 1))
    scores[:20, 0] = np.arange(20) * 10 / 199  # on the edges of buckets
    scores[20:24, 0] = [0, 1, 0.5, 0.5]
    labels = (generator.uniform(0, 1, (61, 1)) < scores).astype(np.float32)
    return scores.astype(np.float32), labels


def multi_set(generator):
    scores = np.round(generator.uniform(0, 1, (35, 3)), 2)
    labels = (generator.uniform(0, 1, (35, 3)) < 0.4).astype(np.float32)
    labels[:, 2] = 0  # nobody has it
    return scores.astype(np.float32), labels


def value(metric, scores, labels):
    metric.update_state(labels, scores)
    return np.asarray(metric.result(), dtype=np.float64).tolist()


def keras_cases(scores, labels):
    cases = []

    def add(name, metric, **options):
        cases.append({"metric": name, "options": options, "value": value(metric, scores, labels)})

    for t in (0.5, 0.3):
        add("precision", M.Precision(thresholds=t), threshold=t, average="micro")
        add("recall", M.Recall(thresholds=t), threshold=t, average="micro")
        for c in range(labels.shape[1]):
            add("precision", M.Precision(thresholds=t, class_id=c), threshold=t, classId=c)
            add("recall", M.Recall(thresholds=t, class_id=c), threshold=t, classId=c)
    for average in ("macro", "micro", "weighted", None):
        for t in (None, 0.4):
            if t is None and labels.shape[1] != 4:
                continue
            more = {} if t is None else {"threshold": t}
            add("f1Score", M.F1Score(average=average, threshold=t), average=average, **more)
            add("f1Score", M.FBetaScore(average=average, threshold=t, beta=2.0), average=average, beta=2, **more)
    for curve in ("ROC", "PR"):
        for method in ("interpolation", "minoring", "majoring"):
            for n in (200, 20):
                for multi in (False, True):
                    metric = M.AUC(num_thresholds=n, curve=curve, summation_method=method, multi_label=multi)
                    add("auc", metric, curve=curve, summationMethod=method, numThresholds=n, multiLabel=multi)
    return cases


def formulas(scores, labels):
    cases = []
    scores = scores.astype(np.float64)
    single = labels.shape[1] == 1
    predicted = (scores[:, 0] > 0.5).astype(int) if single else scores.argmax(1)
    actual = labels[:, 0].astype(int) if single else labels.argmax(1)
    confidence = np.maximum(scores[:, 0], 1 - scores[:, 0]) if single else scores.max(1)
    for bins in (15, 10, 1):
        error = 0.0
        for b in range(bins):
            inside = (confidence > b / bins) & (confidence <= (b + 1) / bins)
            if inside.any():
                error += inside.sum() / len(scores) * abs((predicted == actual)[inside].mean() - confidence[inside].mean())
        cases.append({"metric": "expectedCalibrationError", "options": {"bins": bins}, "value": error})
    n = 2 if single else labels.shape[1]
    matrix = np.zeros((n, n), int)
    for t, p in zip(actual, predicted):
        matrix[t, p] += 1
    return cases, matrix.tolist()


def main():
    generator = np.random.default_rng(81)
    sets = []
    for name, make in (("softmax", softmax_set), ("binary", binary_set), ("multilabel", multi_set)):
        scores, labels = make(generator)
        cases, matrix = keras_cases(scores, labels), None
        if name != "multilabel":
            more, matrix = formulas(scores, labels)
            cases += more
        flat = lambda array: [float(v) for v in array.reshape(-1)]
        sets.append({"name": name, "outputs": labels.shape[1], "scores": flat(scores), "labels": flat(labels), "matrix": matrix, "cases": cases})
    record = {"origin": common.origin("tools/make_metric_goldens.py"), "sets": sets}
    (common.FIXTURES / "metrics.json").write_text(json.dumps(record, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
