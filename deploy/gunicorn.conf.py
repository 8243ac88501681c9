"""gunicorn's settings: one process with many threads, because callers wait and nothing converts here."""

import os

bind = f"0.0.0.0:{os.environ.get('PORT', '8080')}"
# Rate limits of the embedded portal are counted in one process's memory; with Redis, WEB_CONCURRENCY may be more.
workers = int(os.environ.get("WEB_CONCURRENCY", "1"))
worker_class = "gthread"
threads = int(os.environ.get("WEB_THREADS", "64"))
timeout = 120
graceful_timeout = 20
keepalive = 30
control_socket_disable = True
loglevel = "warning"
