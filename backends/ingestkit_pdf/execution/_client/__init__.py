"""The machinery behind `DistributedExecutionBackend`; with `execution/inspection.py` all that knows pika."""
