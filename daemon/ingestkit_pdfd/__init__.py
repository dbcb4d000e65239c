"""The service: takes PDF jobs from RabbitMQ, runs them in a process pool, and answers every one of them."""
