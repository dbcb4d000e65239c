"""The machinery behind `DistributedExecutionBackend`; all that knows pika."""
