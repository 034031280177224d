"""Writes tests/fixtures/losses.{json,bin} and optimizers.{json,bin}: Keras's losses with their gradients, its optimizers step by step.

    python tools/make_train_goldens.py

Computed in float64 on numbers that float32 holds exactly. A loss is the mean over samples (Keras's sum_over_batch_size); gradients are those of that
mean with respect to the predictions. Cross-entropy of probabilities divides each row by its sum first, with one-hot and with sparse labels alike,
and the division has its part in the gradient. The TensorFlow and PyTorch backends agree on every case that both compute.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np

import common

SEED = 20263
STEPS = 20
LOSSES = keras.losses


def loss_cases(generator):
    """Yields (name, loss, targets, predictions)."""
    def one_hot(classes, n):
        return np.eye(classes)[generator.integers(0, classes, n)]

    def probabilities(*shape):
        e = np.exp(generator.normal(0, 1.5, shape))
        return e / e.sum(-1, keepdims=True)

    def logits(*shape, spread=2.0):
        return generator.normal(0, spread, shape)

    def labels(classes, *shape):
        return generator.integers(0, classes, shape)

    for smoothing in (0.0, 0.1):
        for from_logits in (True, False):
            tag = ("logits" if from_logits else "probabilities") + ("-smoothed" if smoothing else "")
            scores = logits if from_logits else probabilities
            crossentropy = LOSSES.CategoricalCrossentropy(from_logits=from_logits, label_smoothing=smoothing)
            yield f"categorical_crossentropy/{tag}", crossentropy, one_hot(5, 6), scores(6, 5)
            binary = LOSSES.BinaryCrossentropy(from_logits=from_logits, label_smoothing=smoothing)
            yield f"binary_crossentropy/{tag}", binary, labels(2, 7, 1), logits(7, 1) if from_logits else generator.uniform(0.02, 0.98, (7, 1))
            yield f"binary_crossentropy/{tag}-multilabel", binary, labels(2, 4, 3), logits(4, 3) if from_logits else generator.uniform(0.02, 0.98, (4, 3))
    for from_logits in (True, False):
        tag, scores = ("logits", logits) if from_logits else ("probabilities", probabilities)
        sparse = LOSSES.SparseCategoricalCrossentropy(from_logits=from_logits)
        yield f"sparse_categorical_crossentropy/{tag}", sparse, labels(5, 6), scores(6, 5)
        yield f"sparse_categorical_crossentropy/{tag}-two-classes", sparse, labels(2, 16), scores(16, 2)
        yield f"sparse_categorical_crossentropy/{tag}-column-of-labels", sparse, labels(5, 6, 1), scores(6, 5)
        yield f"sparse_categorical_crossentropy/{tag}-per-pixel", sparse, labels(4, 2, 3, 3), scores(2, 3, 3, 4)
    yield "categorical_crossentropy/soft-targets", LOSSES.CategoricalCrossentropy(from_logits=True), probabilities(6, 5), logits(6, 5)
    yield "categorical_crossentropy/not-normalised", LOSSES.CategoricalCrossentropy(), one_hot(5, 6), generator.uniform(0.1, 0.9, (6, 5))
    yield "sparse_categorical_crossentropy/not-normalised", LOSSES.SparseCategoricalCrossentropy(), labels(5, 6), generator.uniform(0.1, 0.9, (6, 5))
    # Logits this far apart overflow a softmax that does not subtract the largest first.
    yield "categorical_crossentropy/large-logits", LOSSES.CategoricalCrossentropy(from_logits=True), one_hot(5, 6), logits(6, 5, spread=60.0)
    large = LOSSES.SparseCategoricalCrossentropy(from_logits=True)
    yield "sparse_categorical_crossentropy/large-logits", large, labels(5, 6), logits(6, 5, spread=60.0)
    yield "binary_crossentropy/large-logits", LOSSES.BinaryCrossentropy(from_logits=True), labels(2, 7, 1), logits(7, 1, spread=60.0)
    for shape in ((6, 1), (4, 3), (2, 3, 3, 2)):
        yield f"mean_squared_error/rank-{len(shape)}-{shape[-1]}", LOSSES.MeanSquaredError(), logits(*shape), logits(*shape)


def write_losses():
    file, entries = common.TensorFile("losses"), []
    for name, loss, targets, predictions in loss_cases(np.random.default_rng(SEED)):
        targets, predictions = common.exact(targets), common.exact(predictions)
        each_loss = type(loss).from_config({**loss.get_config(), "reduction": "none", "dtype": "float64"})

        def forward(p, each_loss=each_loss, targets=targets):
            each = each_loss(keras.ops.convert_to_tensor(targets), p)
            return keras.ops.mean(each), each

        value, each, (gradient,), _ = common.differentiate(forward, [predictions], [])
        config = keras.saving.serialize_keras_object(loss)["config"]
        entries.append({
            "name": name,
            "loss": {"class_name": type(loss).__name__, "config": config},
            "targets": file.add(targets),
            "predictions": file.add(predictions),
            "value": value,
            "perSample": file.add(keras.ops.convert_to_numpy(each)),
            "gradient": file.add(gradient),
        })
    file.write({"origin": common.origin("tools/make_train_goldens.py", precision="float64, rounded to float32", seed=SEED), "cases": entries})
    print(f"losses: {len(entries)} cases, {file.floats * 4 / 1e3:.0f} kB")


def optimizer_cases():
    O = keras.optimizers
    yield "sgd/plain", O.SGD(0.1)
    yield "sgd/momentum", O.SGD(0.1, momentum=0.9)
    yield "sgd/nesterov", O.SGD(0.1, momentum=0.9, nesterov=True)
    yield "sgd/weight-decay", O.SGD(0.1, momentum=0.9, weight_decay=0.01)
    yield "rmsprop/default", O.RMSprop(0.01)
    yield "rmsprop/rho", O.RMSprop(0.01, rho=0.7, epsilon=1e-4)
    yield "rmsprop/momentum", O.RMSprop(0.01, momentum=0.9)
    yield "rmsprop/centered", O.RMSprop(0.01, centered=True)
    yield "rmsprop/centered-momentum", O.RMSprop(0.01, momentum=0.8, centered=True)
    yield "adam/default", O.Adam(0.01)
    yield "adam/betas-epsilon", O.Adam(0.01, beta_1=0.8, beta_2=0.95, epsilon=1e-4)
    yield "adam/amsgrad", O.Adam(0.01, amsgrad=True)
    yield "adamw/default", O.AdamW(0.01)
    yield "adamw/strong-decay", O.AdamW(0.01, weight_decay=0.1)
    yield "sgd/clipnorm", O.SGD(0.1, clipnorm=0.5)
    yield "sgd/clipvalue", O.SGD(0.1, clipvalue=0.3)
    yield "sgd/global-clipnorm", O.SGD(0.1, momentum=0.9, global_clipnorm=1.0)
    yield "adam/global-clipnorm", O.Adam(0.01, global_clipnorm=1.0)
    yield "adamw/clipnorm", O.AdamW(0.01, clipnorm=0.5)
    yield "rmsprop/clipvalue", O.RMSprop(0.01, clipvalue=0.2)
    yield "rmsprop/clipnorm", O.RMSprop(0.01, clipnorm=0.5)
    yield "rmsprop/global-clipnorm-decay", O.RMSprop(0.01, momentum=0.5, global_clipnorm=1.0, weight_decay=0.05)
    yield "adam/clipvalue", O.Adam(0.01, clipvalue=0.2)
    yield "adam/clipnorm-accumulation", O.Adam(0.01, clipnorm=0.5, gradient_accumulation_steps=3)
    yield "adamw/amsgrad-global-clipnorm", O.AdamW(0.01, amsgrad=True, global_clipnorm=0.8)
    for name, make in (("sgd", O.SGD), ("rmsprop", O.RMSprop), ("adam", O.Adam), ("adamw", O.AdamW)):
        yield f"{name}/accumulation", make(0.01, gradient_accumulation_steps=4)
        yield f"{name}/ema", make(0.01, use_ema=True, ema_momentum=0.9)
        yield f"{name}/ema-overwrite", make(0.01, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=3)
        yield f"{name}/ema-accumulation-clip", make(0.01, use_ema=True, ema_momentum=0.7, gradient_accumulation_steps=2, global_clipnorm=1.0)
    for name, make in (("sgd", O.SGD), ("rmsprop", O.RMSprop), ("adam", O.Adam), ("adamw", O.AdamW)):
        optimizer = make(0.01, weight_decay=0.2)
        optimizer.exclude_from_weight_decay(var_names=["bias"])
        yield f"{name}/decay-without-bias", optimizer
    schedules = O.schedules
    yield "adam/schedule-accumulation", O.Adam(schedules.ExponentialDecay(0.1, 2, 0.5), gradient_accumulation_steps=3)
    yield "sgd/exponential-decay", O.SGD(schedules.ExponentialDecay(0.1, 2, 0.5))
    yield "adam/cosine-decay-warm-up", O.Adam(schedules.CosineDecay(0.0, 3, alpha=0.1, warmup_target=0.02, warmup_steps=2))


def schedule_cases():
    S = keras.optimizers.schedules
    yield "exponential", S.ExponentialDecay(0.1, 10, 0.5)
    yield "exponential-staircase", S.ExponentialDecay(0.1, 10, 0.5, staircase=True)
    yield "cosine", S.CosineDecay(0.1, 20, alpha=0.1)
    yield "cosine-warm-up", S.CosineDecay(0.01, 15, warmup_target=0.1, warmup_steps=5)
    yield "cosine-restarts", S.CosineDecayRestarts(0.1, 6, t_mul=2.0, m_mul=0.9, alpha=0.01)
    yield "piecewise-constant", S.PiecewiseConstantDecay([5, 12], [0.1, 0.05, 0.01])
    yield "polynomial", S.PolynomialDecay(0.1, 20, end_learning_rate=0.001, power=2.0)
    yield "inverse-time", S.InverseTimeDecay(0.1, 10, 0.5)
    yield "inverse-time-staircase", S.InverseTimeDecay(0.1, 10, 0.5, staircase=True)
    yield "polynomial-cycle", S.PolynomialDecay(0.1, 8, end_learning_rate=0.001, power=1.5, cycle=True)
    yield "cosine-restarts-equal", S.CosineDecayRestarts(0.1, 7, t_mul=1.0, m_mul=0.5)


def write_optimizers():
    generator = np.random.default_rng(SEED)
    file, entries = common.TensorFile("optimizers"), []
    shapes = {"kernel": (4, 3), "bias": (3,), "filter": (2, 2, 1, 3)}
    start = {name: common.exact(generator.normal(0, 1, shape)) for name, shape in shapes.items()}
    gradients = [{name: common.exact(generator.normal(0, 0.7, shape)) for name, shape in shapes.items()} for _ in range(STEPS)]
    for step in gradients:
        step["bias"][1] = 0.0  # a gradient of exactly zero must not move Adam's parameter, nor divide by zero
    for name, optimizer in optimizer_cases():
        variables = [keras.Variable(start[v], dtype="float64", name=v) for v in shapes]
        after = []
        for step in gradients:
            optimizer.apply([keras.ops.convert_to_tensor(step[v], dtype="float64") for v in shapes], variables)
            after.append({v.name: file.add(keras.ops.convert_to_numpy(v)) for v in variables})
        averages = getattr(optimizer, "_model_variables_moving_average", []) if optimizer.use_ema else []
        serialized = keras.saving.serialize_keras_object(optimizer)
        entries.append({"name": name, "optimizer": {"class_name": serialized["class_name"], "config": serialized["config"]}, "after": after,
                        **({"averages": {v: file.add(keras.ops.convert_to_numpy(a)) for v, a in zip(shapes, averages)}} if averages else {})})
    schedules = []
    for name, schedule in schedule_cases():
        rates = [float(keras.ops.convert_to_numpy(schedule(keras.ops.convert_to_tensor(i)))) for i in range(51)]
        schedules.append({"name": name, "class_name": type(schedule).__name__, "config": schedule.get_config(), "rates": rates})
    import torch

    one_cycle = []
    for options in ({"max_lr": 0.1, "total_steps": 51}, {"max_lr": 0.05, "total_steps": 60, "pct_start": 0.4, "div_factor": 10.0, "final_div_factor": 100.0}):
        torch_optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1, momentum=0.9)
        schedule, rates = torch.optim.lr_scheduler.OneCycleLR(torch_optimizer, **options), []
        for _ in range(51):
            rates.append(torch_optimizer.param_groups[0]["lr"])
            torch_optimizer.step()
            if len(rates) < 51:
                schedule.step()
        one_cycle.append({"options": options, "torch": torch.__version__, "rates": rates})
    file.write({
        "oneCycle": one_cycle,
        "origin": common.origin("tools/make_train_goldens.py", precision="float64, rounded to float32", seed=SEED),
        "start": {name: file.add(value) for name, value in start.items()},
        "gradients": [{name: file.add(value) for name, value in step.items()} for step in gradients],
        "cases": entries,
        "schedules": schedules,
    })
    print(f"optimizers: {len(entries)} cases, {len(schedules)} schedules, {file.floats * 4 / 1e3:.0f} kB")


if __name__ == "__main__":
    keras.config.set_floatx("float64")  # or an optimizer's learning rate and slots would be float32
    write_losses()
    write_optimizers()
