"""AdamW along a cosine, as the notebook has it (notebook 2.4)."""

import paddle


def make_optimizer(model, config, steps_per_epoch):
    """The notebook's AdamW and cosine schedule.

    The learning rate falls from ``config.learning_rate`` to 0 over all steps of the run, step by step.

    Returns:
        (optimizer, scheduler)
    """
    scheduler = paddle.optimizer.lr.CosineAnnealingDecay(config.learning_rate, T_max=steps_per_epoch * config.epochs)
    optimizer = paddle.optimizer.AdamW(
        parameters=model.parameters(), learning_rate=scheduler, weight_decay=config.weight_decay
    )
    return optimizer, scheduler
