"""Measurements that anyone can repeat: ``python -m fasternet_paddle.bench SUBJECT``, one file a subject."""
