"""Celery's configuration for every role: plain data. The broker's address comes from Tickerline's settings."""

from pipeline.settings import load

_settings = load()

broker_url = _settings.redis_url
broker_connection_retry_on_startup = True
broker_transport_options = {
    # What a killed worker had taken comes again after this; the tick engine asks for lost batches much sooner.
    "visibility_timeout": 120,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 10,
    "socket_connect_timeout": 3,
    "socket_keepalive": True,
    "health_check_interval": 10,
    # The bars of the API and of the simulator never meet, not even in a queue.
    "global_keyprefix": f"{_settings.database}:celery:",
}

task_serializer = "json"
accept_content = ["json"]
result_accept_content = ["json"]
task_ignore_result = True
task_default_queue = "ingest"
task_routes = {
    "ingest.*": {"queue": "ingest"},
    "driver.*": {"queue": "driver"},
    "receiver.*": {"queue": "receiver"},
    "monitor.*": {"queue": "monitor"},
}
task_publish_retry = True
task_publish_retry_policy = {"max_retries": 2, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.5}

# Every task is safe to run twice; so a task is done when it has been run, not when it has been taken.
task_acks_late = True
task_reject_on_worker_lost = False
worker_prefetch_multiplier = 4
worker_cancel_long_running_tasks_on_connection_loss = True
# SIGTERM: what runs gets this many seconds. What is left comes again as after a kill: pools of threads give nothing back.
worker_soft_shutdown_timeout = 8
worker_send_task_events = True
task_send_sent_event = False  # one more message for each of 40 batches a second; workers tell of what they got
worker_hijack_root_logger = False
worker_enable_remote_control = True
timezone = "UTC"
# Schedules live in the admin's database: an entry here would undo the admin's edits at each start.
beat_schedule: dict[str, object] = {}
beat_max_loop_interval = 5
